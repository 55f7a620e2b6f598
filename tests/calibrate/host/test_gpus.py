"""What nvidia-smi prints, in the forms that drivers from 470 to 580 print it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.calibrate.host import gpus
from nworkers.calibrate.host.gpus import (
    DriverAnswer,
    Gpu,
    check_gpu,
    device_present,
    gpu_count,
    read_answer,
    require_gpu,
    visible_gpus,
)
from nworkers.models.base.errors import HardwareError, InputError
from tests.support.nvidia_smi import H100, TWO, put_command

#: A slice has no memory, clock or power of its own; a small card tells no power limit.
UNTOLD = (
    "0, GPU-aaa, NVIDIA A100-SXM4-40GB, 470.57.02, [N/A], [N/A], 1410, [N/A], [Not Supported]\n"
)
MISMATCH = (
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.124\n"
)
NO_DRIVER = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that "
    "the latest NVIDIA driver is installed and running.\n\n"
)
TWO_GPUS = read_answer(TWO)


def test_a_gpu_is_read_with_all_its_numbers() -> None:
    assert read_answer(H100).gpus == (
        Gpu(
            0,
            "GPU-8c2f0b1e-6a1d-5d0b-9c55-1d7f4a3b2c10",
            "NVIDIA H100 80GB HBM3",
            "570.86.15",
            81559,
            4,
            1980,
            345,
            700,
        ),
    )
    assert [gpu.used_mib for gpu in TWO_GPUS.gpus] == [0, 36537]


def test_what_the_driver_does_not_tell_stays_unknown() -> None:
    (gpu,) = read_answer(UNTOLD).gpus
    assert (gpu.memory_mib, gpu.used_mib, gpu.clock_mhz, gpu.power_limit_w) == (None,) * 4
    assert gpu.clock_max_mhz == 1410


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (MISMATCH, "Failed to initialize NVML: Driver/library version mismatch"),
        (NO_DRIVER, NO_DRIVER.strip()),
        ("No devices were found\n", "No devices were found"),
        ('Field "clocks.sm" is not a valid field to query.\n', 'Field "clocks.sm" is not a valid'),
        ("", "nvidia-smi says nothing"),
    ],
)
def test_a_driver_that_fails_is_quoted_in_one_line(said: str, error: str) -> None:
    answer = read_answer(said)
    assert not answer.gpus
    assert answer.error.startswith(error)
    with pytest.raises(HardwareError, match="the NVIDIA driver does not work: ") as caught:
        check_gpu(True, None, answer)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_an_environment_hides_gpus_as_cuda_does() -> None:
    def left(visible: str | None) -> list[int]:
        return [gpu.index for gpu in visible_gpus(TWO_GPUS.gpus, visible)]

    assert left(None) == [0, 1]
    assert left("1") == [1]
    assert left("1,0") == [1, 0]
    assert left("0,7,1") == [0]
    assert left("GPU-5d1f") == [1]
    assert left("GPU-") == left("") == left("-1") == left("7") == []


@pytest.mark.parametrize(
    ("visible", "words"),
    [
        ("", "CUDA_VISIBLE_DEVICES: got '', which hides every GPU; allowed: 0 to 1, or unset"),
        ("-1", "'-1', which hides every GPU"),
        ("void", "'void', which hides every GPU"),
        ("2", "'2', which is no GPU of this machine; allowed: 0 to 1, or unset"),
        ("GPU-ffff", "'GPU-ffff', which is no GPU of this machine"),
    ],
)
def test_an_environment_without_a_gpu_is_bad_input(visible: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_gpu(True, visible, TWO_GPUS)
    assert words in str(caught.value)


def test_a_gpu_that_can_be_used_is_not_refused() -> None:
    for visible in (None, "0", "1", "GPU-5d1f", "MIG-1"):
        check_gpu(True, visible, TWO_GPUS)
    # Without nvidia-smi the task that imports TensorFlow has the last word.
    check_gpu(True, "3", None)


def test_a_machine_without_a_gpu_or_without_cuda_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HardwareError, match="no NVIDIA GPU on this machine"):
        check_gpu(False, None, None)
    with pytest.raises(HardwareError, match=r"without CUDA \(tensorflow-cpu\).*nworkers\[gpu\]"):
        check_gpu(True, None, TWO_GPUS, without_cuda=True)
    (tmp_path / "nvidiactl").touch()
    assert not device_present(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert device_present(tmp_path)


def test_nvidia_smi_is_asked_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.driver_answer() is None
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\nprintf '{H100}'\n")
    command.chmod(0o755)
    assert gpus.driver_answer() == read_answer(H100)
    command.write_text("#!/bin/sh\necho 'Failed to initialize NVML: Unknown Error' >&2\nexit 255\n")
    assert gpus.driver_answer() == DriverAnswer(error="Failed to initialize NVML: Unknown Error")
    command.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(gpus, "TIMEOUT_S", 0.2)
    answer = gpus.driver_answer()
    assert answer is not None
    assert "did not answer within 0.2 s" in answer.error
    monkeypatch.setattr(gpus, "device_present", lambda: True)
    with pytest.raises(HardwareError, match="did not answer"):
        require_gpu()


def test_who_else_uses_a_gpu_is_told_without_arguments() -> None:
    said = (
        "2114, /usr/lib/xorg/Xorg, 45\n"
        "40311, /opt/conda/bin/python train.py --key secret/word, 30221\n"
        "51, [Not Found], [N/A]\n"
        "No running processes found\n"
    )
    assert [str(user) for user in gpus.read_users(said)] == [
        "Xorg (45 MiB)",
        "python (30221 MiB)",
        "unknown",
    ]
    assert gpus.read_users("Failed to initialize NVML: Driver/library version mismatch\n") == ()


def test_memory_that_others_hold_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.memory_held() == "what others hold of the GPU's memory is not known"
    put_command(tmp_path, TWO, "7, /usr/bin/python, 36000")
    assert gpus.memory_held() == (
        "0 of 81920 MiB of the GPU's memory are in use, by python (36000 MiB)"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert gpus.memory_held().startswith("36537 of 81920 MiB")


def test_what_tensorflow_says_of_a_missing_gpu_is_read_from_the_log(tmp_path: Path) -> None:
    """Lines of TensorFlow 2.21 with CUDA, on a machine without a driver."""
    log = tmp_path / "log"
    assert gpus.framework_words(log) == ""
    log.write_text(
        "I0000 00:00:1795705044.200705   12264 cudart_stub.cc:31] Could not find cuda drivers on "
        "your machine, GPU will not be used.\n"
        "E0000 00:00:1795705045.539608   12264 cuda_platform.cc:52] failed call to cuInit: "
        "INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)\n"
        "I0000 00:00:1795705044.2   12264 port.cc:153] oneDNN custom operations are on.\n"
    )
    assert gpus.framework_words(log) == (
        "failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)"
    )


def test_workers_that_need_more_gpus_than_there_are_do_not_share_them_unsaid() -> None:
    gpus.check_enough(2, 2)
    with pytest.raises(InputError, match=r"workers_per_gpu: got a job that needs 4 GPUs"):
        gpus.check_enough(4, 2)


@pytest.mark.parametrize(
    ("visible", "count"),
    [
        (None, 2),
        ("0", 1),
        ("0,1", 2),
        ("1,-1,0", 1),
        ("-1", 0),
        ("", 0),
        ("void", 0),
        ("GPU-5a,GPU-7c,", 2),
    ],
)
def test_gpus_are_told_by_their_device_files_unless_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, count: int
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "nvidiactl").touch()
    assert gpu_count(tmp_path) == 0
    for number in range(2):
        (tmp_path / f"nvidia{number}").touch()
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_count(tmp_path) == count
