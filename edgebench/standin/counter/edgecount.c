// SPDX-License-Identifier: GPL-2.0-or-later
//
// Counts which AArch64 instructions a program executes inside regions that the program marks itself.
//
// A plugin for QEMU's user-mode emulation: qemu-aarch64 -plugin edgecount.so,out=FILE[,clock=on] PROGRAM
//
// The program marks by seeking in /dev/null to an offset whose upper half is MAGIC (edgebench/board/marks.py): an
// ordinary kernel takes that for what it is, nothing. Of every translated block that ran inside a region FILE gets a
// line: how often in the thread that marked, how often in others, and the words of its instructions. What the words
// mean is decided by who reads FILE (edgebench/standin/counter/aarch64.py). With clock=on a region is split wherever the
// program reads a clock, for runtimes that note when each layer begins and ends.
//
// The few functions of QEMU that are needed are declared here: distributions that ship an emulator with plugins ship no
// header with it. They are those of version 1 of the interface, QEMU 6.0 to 8.2.

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

// --- QEMU's interface, version 1 ------------------------------------------------------------------------------------

struct plugin_info {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
};
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*executed)(unsigned int cpu, void *given);
typedef void (*called)(uint64_t id, unsigned int cpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated call);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, executed call, int flags, void *given);
extern void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, called call);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t place);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);  // until QEMU 9.0

EXPORT int qemu_plugin_version = 1;

// --- what is kept of every block ----------------------------------------------------------------------------------

struct block {
    struct block *next;
    uint64_t own;     // executions by the thread that opened the region
    uint64_t others;  // and by all others
    size_t length;
    uint32_t words[];
};

enum { OPEN = 1, CLOSE = 2, SPLIT = 3 };
static const uint64_t MAGIC = 0x45444745;  // "EDGE", the upper half of an offset
static const int64_t LSEEK = 62, CLOCK_GETTIME = 113;  // asm-generic/unistd.h, which AArch64 uses
static const int NO_REGISTERS = 0;                     // QEMU_PLUGIN_CB_NO_REGS

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;
static FILE *out;
static bool split_by_clock;
static volatile bool counting;
static volatile unsigned int marking_cpu;

static void on_execution(unsigned int cpu, void *given) {
    struct block *block = given;
    if (!counting) {
        return;
    }
    if (cpu == marking_cpu) {
        block->own++;
    } else {
        __atomic_fetch_add(&block->others, 1, __ATOMIC_RELAXED);
    }
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *translation) {
    size_t length = qemu_plugin_tb_n_insns(translation);
    struct block *block = calloc(1, sizeof *block + length * sizeof block->words[0]);
    if (block == NULL) {
        fputs("edgecount: no memory for another block\n", stderr);
        abort();  // a count with a hole in it is no count
    }
    block->length = length;
    for (size_t place = 0; place < length; place++) {
        memcpy(&block->words[place], qemu_plugin_insn_data(qemu_plugin_tb_get_insn(translation, place)), 4);
    }
    pthread_mutex_lock(&lock);
    block->next = blocks;
    blocks = block;
    pthread_mutex_unlock(&lock);
    qemu_plugin_register_vcpu_tb_exec_cb(translation, on_execution, NO_REGISTERS, block);
    (void)id;
}

static void forget(void) {
    for (struct block *block = blocks; block != NULL; block = block->next) {
        block->own = block->others = 0;
    }
}

static void write_region(const char *ended_by) {
    for (struct block *block = blocks; block != NULL; block = block->next) {
        if (block->own == 0 && block->others == 0) {
            continue;
        }
        fprintf(out, "%" PRIu64 " %" PRIu64, block->own, block->others);
        for (size_t place = 0; place < block->length; place++) {
            fprintf(out, " %" PRIx32, block->words[place]);
        }
        fputc('\n', out);
    }
    fprintf(out, "%s\n", ended_by);
    if (fflush(out) != 0) {
        perror("edgecount: counts cannot be written");
        abort();
    }
}

static void mark(uint32_t what, unsigned int cpu, const char *by) {
    pthread_mutex_lock(&lock);
    if (what == OPEN) {
        forget();
        marking_cpu = cpu;
        counting = true;
    } else if (counting && cpu == marking_cpu) {
        write_region(what == CLOSE ? "close" : by);
        forget();
        counting = what != CLOSE;
    }
    pthread_mutex_unlock(&lock);
}

static void on_call(uint64_t id, unsigned int cpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                    uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
    if (number == LSEEK && a2 >> 32 == MAGIC) {
        mark((uint32_t)a2, cpu, "split");
    } else if (split_by_clock && counting && number == CLOCK_GETTIME) {
        mark(SPLIT, cpu, "clock");
    }
    (void)id, (void)a1, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
}

EXPORT int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv) {
    for (int place = 0; place < argc; place++) {
        if (strncmp(argv[place], "out=", 4) == 0) {
            out = fopen(argv[place] + 4, "w");
        } else if (strcmp(argv[place], "clock=on") == 0) {
            split_by_clock = true;
        }
    }
    if (out == NULL) {
        fputs("edgecount: out=FILE is missing, or that file cannot be written\n", stderr);
        return 1;
    }
    if (strcmp(info->target_name, "aarch64") != 0) {
        fprintf(stderr, "edgecount: this is an emulator of %s, not of aarch64\n", info->target_name);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_call);
    return 0;
}
