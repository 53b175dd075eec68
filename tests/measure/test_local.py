from pathlib import Path

import pytest

from edgebench.board.wire import FileName, FilesAsked, FilesState, encode
from edgebench.errors import DeviceUnreachableError
from edgebench.measure.local import Local


def test_files_stay_where_they_are(tmp_path: Path) -> None:
    """An agent on this machine reads the host's own files, and its spool lies in the run folder."""
    local = Local()
    with local.agent() as (connection, hello):
        assert local.place(connection, tmp_path / "model.onnx") == str(tmp_path / "model.onnx")
        assert hello.runtimes["null"] == ""
    spool = Path(local.spool(tmp_path, "s1"))
    assert spool.parent == tmp_path
    spool.touch()
    local.clear(tmp_path, "s1")
    assert not spool.exists()
    local.clear(tmp_path, "s1")


def test_an_agent_tells_which_files_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is not under its hash in the agent's folder is missing."""
    monkeypatch.chdir(tmp_path)
    file = FileName(sha256="0" * 64, name="model.onnx")
    with Local().agent() as (connection, _):
        connection.send(encode(FilesAsked(wanted=(file,))))
        assert connection.receive() == FilesState(missing=("0" * 64,))
        hostile = FileName(sha256="../..", name="passwd")
        connection.send(encode(FilesAsked(wanted=(hostile,))))
        assert connection.receive().event == "refused"


def test_two_agents_do_not_measure_at_once(tmp_path: Path) -> None:
    """An agent whose lock another holds gives up after a while, and says what is locked."""
    local = Local(lock=tmp_path / "agent.lock", wait_s=0)
    with local.agent(), pytest.raises(DeviceUnreachableError, match="another session is measuring"), local.agent():
        pass
