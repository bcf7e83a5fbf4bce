"""Confinement on kernels of all ages: which rights are handled, what the filter refuses, and what is said to be
missing.

The filter runs in an interpreter of its instructions, for both processors; `tests/attacks/test_user_code.py` runs it in
the kernel.
"""

import errno
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from tawny.engine import confinement as limits
from tawny.engine.confinement import ALLOW, KILL_PROCESS, SYSCALLS, TRAP, Instruction

PID = 4711
REFUSED, FULL, ABSENT = (limits.ERRNO | code for code in (errno.EPERM, errno.ENOMEM, errno.ENOSYS))


class OldKernel:
    """A kernel with this version of Landlock, with or without filters. Notes what it is asked."""

    def __init__(self, abi: int, *, has_filters: bool = True) -> None:
        self.abi, self.has_filters = abi, has_filters
        self.rulesets: list[bytes] = []
        self.rules: list[int] = []
        self.order: list[str] = []

    def prctl(self, option: int, value: int) -> None:
        assert (option, value) == (limits.PR_SET_NO_NEW_PRIVS, 1)
        self.order.append("no new privileges")

    def call(self, number: int, *arguments: Any) -> int:
        if number in (limits.CREATE_RULESET, limits.ADD_RULE, limits.RESTRICT_SELF) and not self.abi:
            raise OSError(errno.ENOSYS, "no Landlock")
        if number == limits.CREATE_RULESET:
            if arguments[0] is None:
                return self.abi
            self.rulesets.append(arguments[0].raw)
            return os.open("/", os.O_PATH)
        if number == limits.ADD_RULE:
            self.rules.append(struct.unpack("=Qi", arguments[2].raw)[0])
        elif number == limits.RESTRICT_SELF:
            self.order.append("restricted")
        elif number in (SYSCALLS["x86_64"]["seccomp"], SYSCALLS["aarch64"]["seccomp"]):
            if not self.has_filters:
                raise OSError(errno.EINVAL, "no filters")
            self.order.append("filtered")
        return 0


@pytest.mark.parametrize(
    ("abi", "size", "rights", "rest"),
    [
        (1, 8, 0x1FFF, ()), (2, 8, 0x3FFF, ()), (3, 8, 0x7FFF, ()), (4, 16, 0x7FFF, (3,)), (5, 16, 0xFFFF, (3,)),
        (6, 24, 0xFFFF, (3, 3)), (7, 24, 0xFFFF, (3, 3)), (8, 24, 0xFFFF, (3, 3)),
    ],
)  # fmt: skip
def test_each_version_gets_the_rights_that_it_knows(abi: int, size: int, rights: int, rest: tuple[int, ...]) -> None:
    kernel = OldKernel(abi)
    assert limits.confine([Path(__file__)], kernel) == []
    (asked,) = kernel.rulesets
    assert len(asked) == size
    assert struct.unpack(f"={size // 8}Q", asked) == (rights, *rest)
    assert kernel.rules
    assert all(rule & ~rights == 0 and rule for rule in kernel.rules), (
        "a right that is not handled is refused as invalid"
    )
    assert kernel.order == ["no new privileges", "restricted", "filtered"]


def test_what_a_kernel_lacks_is_said() -> None:
    assert limits.confine([], OldKernel(0)) == ["which files it reads (the kernel has no Landlock)"]
    assert limits.confine([], OldKernel(4, has_filters=False)) == [
        "its system calls (the kernel has no seccomp filters)"
    ]
    assert limits.confine([], OldKernel(3, has_filters=False))[-1] == "its network connections"
    assert len(limits.confine([], OldKernel(0, has_filters=False))) == 3


def test_a_processor_without_a_list_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert limits.confine([], OldKernel(7)) == ["its system calls (no list of them for this processor)"]
    assert "its network connections" in limits.confine([], OldKernel(3))


def test_devices_may_be_written_and_other_paths_not(tmp_path: Path) -> None:
    assert limits.rights_of(Path("/dev/null")) & limits.WRITE_FILE
    assert limits.rights_of(tmp_path) == limits.READ_FILE | limits.READ_DIR
    assert limits.rights_of(Path("/dev")) == limits.READ_DIR
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    assert limits.rights_of(link) & limits.WRITE_FILE


def test_beside_a_script_are_models_and_modules_and_nothing_else(tmp_path: Path) -> None:
    names = ("detect.py", "helper.py", "fox.onnx", "notes.txt", "tawny.toml", "accounts.db", "a.key", ".hidden.py")
    for name in names:
        (tmp_path / name).touch()
    for folder in ("package", "recordings"):
        (tmp_path / folder).mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "linked.onnx").symlink_to(tmp_path / "tawny.toml")
    found = {path.name for path in limits.paths_beside(tmp_path / "detect.py")}
    assert found == {"detect.py", "helper.py", "fox.onnx", "package"}


# --- the filter


def run(program: list[Instruction], architecture: int, number: int, *arguments: int) -> int:
    """Return what the filter says to a call, as the kernel's machine would."""
    data = struct.pack("=iIQ6Q", number, architecture, 0, *arguments, *(0,) * (6 - len(arguments)))
    accumulator = at = 0
    for _ in range(len(program)):
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == limits.RETURN:
            return operand
        if code == limits.LOAD:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == limits.AND:
            accumulator &= operand
        else:
            is_true = {
                limits.EQUAL: accumulator == operand,
                limits.AT_LEAST: accumulator >= operand,
                limits.ANY_BIT: bool(accumulator & operand),
            }[code]
            at += if_true if is_true else if_false
    raise AssertionError("it never says")


@pytest.mark.parametrize("machine", sorted(SYSCALLS))
@pytest.mark.parametrize("abi", range(8))
def test_the_filter_refuses_and_allows(machine: str, abi: int) -> None:
    numbers, architecture = SYSCALLS[machine], limits.ARCHITECTURES[machine]
    program = limits.seccomp_program(numbers, PID, abi)

    def says(name: str, *arguments: int) -> int:
        return run(program, architecture, numbers[name], *arguments)

    assert len(program) < 4096
    assert all(says(name) == TRAP for name in limits.KILLED if name in numbers)
    assert all(says(name) == REFUSED for name in limits.REFUSED if name in numbers)
    assert all(says(name) == ABSENT for name in limits.ABSENT)
    assert [says("kill", pid, 9) for pid in (PID, PID + 1, 0, 1, 2**32 - 1)] == [ALLOW, *[REFUSED] * 4]
    assert [says("tgkill", pid, 1, 9) for pid in (PID, 1, 0)] == [ALLOW, REFUSED, REFUSED]
    assert [says("prlimit64", pid) for pid in (PID, 0, 1)] == [ALLOW, ALLOW, REFUSED]
    thread, fork = 0x3D0F00, 0x1200011
    assert (says("clone", thread), says("clone", fork), says("clone", 17)) == (ALLOW, REFUSED, REFUSED)
    assert [says("fcntl", 5, command) for command in (1, 3, 8, 15, 10)] == [ALLOW, ALLOW, *[REFUSED] * 3]
    assert (says("ioctl", 5, 0x5401), says("ioctl", 5, 0x5412), says("ioctl", 5, 0x8901)) == (ALLOW, REFUSED, REFUSED)
    kinds = {0x22: ALLOW, 0x02: ALLOW, 0x01: ALLOW, 0x21: FULL, 0x23: FULL, 0x122: FULL, 0x4022: ALLOW}
    assert {flags: says("mmap", 0, 4096, 3, flags) for flags in kinds} == kinds
    reads, writes, cuts = os.O_RDONLY | os.O_CLOEXEC, os.O_WRONLY | os.O_CREAT, os.O_RDONLY | os.O_TRUNC
    assert says("openat", 0, 0, reads) == ALLOW
    assert says("openat", 0, 0, writes) == (ALLOW if abi else REFUSED), "Landlock of any version refuses writing itself"
    assert says("openat", 0, 0, cuts) == (ALLOW if abi >= 3 else REFUSED)
    assert run(program, 0x40000003, 1) == KILL_PROCESS, "the numbers of another processor mean other calls"
    if machine == "x86_64":
        assert run(program, architecture, 0x40000000 + 41) == ABSENT


def test_no_number_stands_twice() -> None:
    for numbers in SYSCALLS.values():
        assert len(set(numbers.values())) == len(numbers)
        assert set(limits.KILLED) | set(limits.ABSENT) | set(limits.OWN_ONLY) <= set(numbers)
