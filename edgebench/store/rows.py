"""The rows of the tables: one frozen record a row, its fields are the columns of the CSV file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images that trials answered: the path they were given as, and how many others of them calibrate int8."""

    path: str
    calibrating: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """trials.csv: one trial, lost ones too. Spans in seconds, memory in bytes; empty means not measured."""

    session: str
    trial: str
    model: str
    backend: str
    precision_asked: str
    precision_found: str | None
    threads_asked: int
    threads_found: int | None
    batch: int
    twin: bool
    status: str
    stage: str | None
    reason: str | None
    exit_status: int | None
    signal: str | None
    out_of_memory: bool | None
    lost_resident_bytes: int | None
    unit: str
    device: str
    emulated: bool
    provenance: str
    runtime_version: str | None
    provider: str | None
    own_cpu: bool | None
    format: str | None
    artefact_sha256: str | None
    artefact_bytes: int | None
    inputs: str | None
    mult_adds: int | None
    params: int | None
    invocations: int
    samples: int
    latency_p50_s: float | None
    latency_p50_low_s: float | None
    latency_p50_high_s: float | None
    latency_p90_s: float | None
    latency_p95_s: float | None
    latency_p99_s: float | None
    autocorrelation: float | None
    outliers_mild_low: int | None
    outliers_severe_low: int | None
    outliers_mild_high: int | None
    outliers_severe_high: int | None
    outliers_with_signal_share: float | None
    pace_hz: float | None
    response_p50_s: float | None
    response_p99_s: float | None
    paced_calls: int | None
    deadline_misses: int | None
    deadline_miss_share: float | None
    cpu_p50_s: float | None
    mult_adds_per_s: float | None
    bound_s: float | None
    direct_s: float | None
    bound_from: str | None
    efficiency: float | None
    import_s: float | None
    load_s: float | None
    first_call_s: float | None
    warm_up_s: float | None
    time_to_steady_s: float | None
    calls_to_steady: int | None
    call_floor_s: float | None
    set_inputs_s: float | None
    outputs_s: float | None
    footprints: int
    memory_import_bytes: int | None
    memory_load_bytes: int | None
    memory_load_anonymous_bytes: int | None
    memory_load_file_bytes: int | None
    memory_load_peak_bytes: int | None
    memory_peak_bytes: int | None
    memory_peak_low_bytes: int | None
    memory_peak_high_bytes: int | None
    memory_peak_is_sampled: bool | None
    memory_unique_bytes: int | None
    memory_swapped_bytes: int | None
    memory_group_bytes: int | None
    energy_j: float | None
    energy_low_j: float | None
    energy_high_j: float | None
    energy_above_idle_j: float | None
    energy_above_idle_low_j: float | None
    energy_above_idle_high_j: float | None
    energy_rung: str | None
    energy_sensor: str | None
    energy_rail: str | None
    energy_rate_hz: float | None
    energy_idle_w: float | None
    energy_window_s: float | None
    energy_invocations: int | None
    energy_idle_moved: int | None
    energy_reason: str | None
    proxy_cpu_energy_j_low: float | None
    proxy_cpu_energy_j_high: float | None
    temperature_start_c: float | None
    temperature_highest_c: float | None
    clock_lowest_hz: int | None
    clock_highest_hz: int | None
    gate_s: float | None
    throttled_at_s: float | None
    throttled_by: str | None
    rounds_before_throttling: int | None
    latency_before_throttling_s: float | None
    burst_p50_s: float | None
    sustained_p50_s: float | None
    sustained_reached: bool | None
    sustained_after_s: float | None
    parity_max_abs_diff: float | None
    parity_scale: float | None
    images: int | None
    top1: float | None
    top1_low: float | None
    top1_high: float | None
    top5: float | None
    top5_low: float | None
    top5_high: float | None
    images_reason: str | None
    flags: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """pairs.csv: two trials of one session that differ in one thing (`by`), measured in the same rounds.

    Ratios are subject / baseline; the subject of a pair of models is the one with more mult-adds, so that
    `transfer` = latency ratio / mult-adds ratio is 1 when latency follows the count.
    """

    session: str
    by: str
    subject: str
    baseline: str
    subject_model: str
    baseline_model: str
    subject_backend: str
    baseline_backend: str
    same_inputs: bool
    precision: str
    threads: int
    batch: int
    invocations: int
    latency_ratio: float | None
    latency_ratio_low: float | None
    latency_ratio_high: float | None
    cpu_ratio: float | None
    cpu_ratio_low: float | None
    cpu_ratio_high: float | None
    decided_on: str
    one_process_ratio_low: float | None
    one_process_ratio_high: float | None
    bootstrap_ratio_low: float | None
    bootstrap_ratio_high: float | None
    process_sd: float | None
    round_sd: float | None
    advised_invocations: int | None
    advised_rounds: int | None
    rounds: int
    clean_rounds: int
    clean_ratio: float | None
    mult_adds_ratio: float | None
    transfer: float | None
    transfer_low: float | None
    transfer_high: float | None
    twin_ratio: float | None
    twin_ratio_low: float | None
    twin_ratio_high: float | None
    twin_cpu_ratio: float | None
    twin_cpu_ratio_low: float | None
    twin_cpu_ratio_high: float | None
    energy_ratio: float | None
    energy_ratio_low: float | None
    energy_ratio_high: float | None
    energy_above_idle_ratio: float | None
    energy_above_idle_ratio_low: float | None
    energy_above_idle_ratio_high: float | None
    energy_rung: str | None
    throttled: str | None
    flags: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRow:
    """backends.csv: a model's backends ranked; `ratio_to_best` is paired, `best` marks the lowest latency."""

    session: str
    model: str
    precision: str
    threads: int
    batch: int
    backend: str
    status: str
    latency_p50_s: float | None
    latency_p50_low_s: float | None
    latency_p50_high_s: float | None
    efficiency: float | None
    ratio_to_best: float | None
    ratio_to_best_low: float | None
    ratio_to_best_high: float | None
    best: bool
    flags: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRow:
    """rounds.csv: one block. `start_s` counts from its session's first block; `complete` tells of its invocation."""

    session: str
    invocation: int
    round: int
    position: int
    trial: str
    complete: bool
    start_s: float
    samples: int
    calls_per_sample: int
    wall_p50_s: float
    cpu_p50_s: float | None
    involuntary_switches: int | None
    major_faults: int | None
    canary_loop_s: float | None
    canary_stream_s: float | None
    canary_clock_hz: float | None
    stolen_share: float | None
    cpu_waiting_share: float | None
    memory_stalled_share: float | None
    io_waiting_share: float | None
    clock_hz: int | None
    governor: str | None
    temperature_c: float | None
    throttled: int | None
    throttled_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRow:
    """energy.csv: one window of load, or of rest (no trial), as the best source of its session told it."""

    session: str
    invocation: int
    window: int
    trial: str | None
    start_s: float
    seconds: float
    calls: int
    cpu_s: float | None
    busy_s: float | None
    readings: int
    rung: str | None
    energy_j: float | None
    mean_w: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRow:
    """minutes.csv: one minute of one trial that was called without a pause (`run --sustained`)."""

    session: str
    trial: str
    minute: int
    blocks: int
    latency_p50_s: float
    canary_loop_s: float | None
    clock_hz: int | None
    temperature_c: float | None
    throttled_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """layers.csv: one layer of one model at batch 1, and with `run --layers` once more for each trial, with its time.

    What a runtime runs beside layers has a row of that trial too, under the runtime's name, and costs nothing on paper.
    """

    model: str
    layer: str
    kind: str
    in_channels: int | None
    out_channels: int | None
    kernel: str | None
    stride: str | None
    groups: int | None
    out_h: int | None
    out_w: int | None
    mult_adds: int
    mult_adds_share: float
    params: int
    bias_params: int
    bn_params: int
    session: str | None = None
    trial: str | None = None
    source: str | None = None
    operation: str | None = None
    calls: int | None = None
    time_s: float | None = None
    time_share: float | None = None
    apart_s: float | None = None
    whole_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One trial of one run, beside the same trial of other runs. Spans in seconds; empty means not measured.

    Rows of different runs were taken apart: `compare RUN RUN` says whether two of them differ.
    """

    started: str
    run: str
    edgebench_version: str
    unit: str
    device: str
    model: str
    backend: str
    runtime_version: str | None
    precision: str
    threads: int
    batch: int
    status: str
    latency_p50_s: float | None
    latency_p50_low_s: float | None
    latency_p50_high_s: float | None
    flags: str | None
