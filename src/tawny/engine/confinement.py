"""Confinement of a user script's process: what it may read, and no way to anything else.

The process confines itself before it loads the user's code, and cannot undo it: Landlock limits files (and, on newer
kernels, TCP, abstract sockets and signals), a seccomp filter refuses system calls that reach beyond the process, limits
bound its memory and threads. Loaded by path and without other modules of tawny, like `user_script_main`.

As a program it starts another one, from which some paths are hidden:

   confinement.py ERRORS_FD PROGRAM HIDDEN_PATH ...
"""

import ctypes
import errno
import fcntl
import os
import platform
import resource
import stat
import struct
import sys
import sysconfig
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

MODEL_SUFFIXES = (
    ".bin", ".caffemodel", ".engine", ".h5", ".hef", ".labels", ".names", ".npy", ".npz", ".onnx", ".ort", ".param",
    ".pb", ".pbtxt", ".prototxt", ".pt", ".pth", ".safetensors", ".tflite", ".weights", ".xml", ".so", ".py",
)  # fmt: skip
"""Files beside the user's that it may read. Texts are not among them: they may be notes or passwords."""
SYSTEM_PATHS = (
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/local/cuda",
    "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom",
    "/dev/random", "/proc/self/auxv", "/proc/self/cgroup", "/proc/self/cmdline", "/proc/self/environ", "/proc/self/fd",
    "/proc/self/maps", "/proc/self/mountinfo", "/proc/self/stat", "/proc/self/statm", "/proc/self/status",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version",
    "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup",
)  # fmt: skip
"""What Python, numpy, OpenCV and onnxruntime read."""
MAX_OPEN_FILES = 256
MAX_THREADS = 1024
"""Tasks beyond those that the user has when the script starts; the kernel does not limit root's."""

# Landlock, as in linux/landlock.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (0, 1, 2, 3, 13, 14, 15))
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
ALL_RIGHTS = (1 << 16) - 1
FIRST_RIGHTS = (1 << 13) - 1
"""Rights of ABI 1."""
TCP_RIGHTS = 0b11
"""Binding and connecting, from ABI 4."""
SCOPES = 0b11
"""Abstract sockets and signals, from ABI 6."""
PR_SET_NO_NEW_PRIVS = 38
CAP_DAC_READ_SEARCH = 1 << 2
"""Root keeps it to read files that belong to others: Landlock has chosen which."""


class Kernel(Protocol):
    """The system calls used here; a test replaces them."""

    def call(self, number: int, *arguments: Any) -> int:
        """Return the result. Raises OSError."""

    def prctl(self, option: int, value: int) -> None:
        """Raises OSError."""


class LinuxKernel:
    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.syscall.restype = ctypes.c_long

    def call(self, number: int, *arguments: Any) -> int:
        words = [ctypes.c_long(each) if isinstance(each, int) else each for each in (number, *arguments)]
        result = int(self._libc.syscall(*words))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def prctl(self, option: int, value: int) -> None:
        if self._libc.prctl(option, ctypes.c_ulong(value), *(ctypes.c_ulong(0),) * 3):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def confine(readable: Sequence[Path], kernel: Kernel | None = None) -> list[str]:
    """Confine this process for good. Return what this kernel can't limit, in words.

    readable: files and folders; devices may also be written.
    """
    kernel = kernel or LinuxKernel()
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1)
    abi, missing = landlock_abi(kernel), list[str]()
    if abi:
        allowed = (*map(Path, SYSTEM_PATHS), *python_paths(), *readable)
        _restrict(kernel, ruleset(abi), {path: rights_of(path) for path in allowed})
    else:
        missing.append("which files it reads (the kernel has no Landlock)")
    numbers = SYSCALLS.get(platform.machine()) if struct.calcsize("P") == 8 else None
    if numbers is not None:
        _drop_capabilities(kernel, numbers)
    if numbers is None or not _filter(kernel, numbers["seccomp"], seccomp_program(numbers, os.getpid(), abi)):
        without = "no list of them for this processor" if numbers is None else "the kernel has no seccomp filters"
        missing.append(f"its system calls ({without})")
        if abi < 4:
            missing.append("its network connections")
    return missing


def hide(hidden: Sequence[Path], program: Path, kernel: Kernel | None = None) -> None:
    """Take these paths, and what is below them, away from this process, if the kernel has Landlock.

    program: stays readable, with its folder unless that has hidden paths or is one. Everything else stays as it is,
    except that no file can be created in a folder above a hidden path.
    """
    kernel = kernel or LinuxKernel()
    abi, away, folder = landlock_abi(kernel), {path.resolve() for path in hidden}, program.parent.resolve()
    if not abi or not hidden:
        return
    own = program if any(path.is_relative_to(folder) for path in away) else folder
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1)
    _restrict(kernel, ruleset(min(abi, 3)), dict.fromkeys([*paths_around(away), own], ALL_RIGHTS))


def paths_around(hidden: Collection[Path], folder: Path = Path("/")) -> list[Path]:
    """Return the paths in `folder` that hold nothing hidden, and those around the hidden ones in its other folders."""
    found = []
    for path in sorted(folder.iterdir()):
        if path in hidden or path.is_symlink():  # a link's target has its own path
            continue
        if not any(one.is_relative_to(path) for one in hidden):
            found.append(path)
        elif os.access(path, os.R_OK):
            found += paths_around(hidden, path)
    return found


def limit_resources(memory: int) -> None:
    """Limit memory, in bytes, and everything that the limit of memory does not count."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # also of files in memory
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_NPROC, _count_tasks() + MAX_THREADS)


def paths_beside(file: Path) -> list[Path]:
    """Return the file, and what lies beside it that it needs: models, Python modules and packages."""
    found = [file]
    try:
        beside = sorted(file.parent.iterdir())
    except OSError:
        return found
    for path in beside:
        if path.name.startswith(".") or path.is_symlink():
            continue
        is_needed = (path / "__init__.py").is_file() if path.is_dir() else path.suffix.lower() in MODEL_SUFFIXES
        if is_needed and path != file:
            found.append(path)
    return found


def python_paths() -> list[Path]:
    """Return the folders of Python itself and of installed packages, of this environment and of its base."""
    stdlib = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    base = [Path(sys.base_prefix, "lib"), Path(sys.base_prefix, "lib64")]
    return [*base, *(Path(path) for path in dict.fromkeys([*stdlib, *sys.path]) if path)]


# --- Landlock


def landlock_abi(kernel: Kernel) -> int:
    """Return the version of Landlock, 0 if the kernel has none or forbids it."""
    try:
        return kernel.call(CREATE_RULESET, None, 0, VERSION_FLAG)
    except OSError:
        return 0


def ruleset(abi: int) -> bytes:
    """Return `struct landlock_ruleset_attr` of this version, with all rights it knows."""
    files = FIRST_RIGHTS | (REFER if abi >= 2 else 0) | (TRUNCATE if abi >= 3 else 0) | (IOCTL_DEV if abi >= 5 else 0)
    if abi < 4:
        return struct.pack("=Q", files)
    return struct.pack("=QQ", files, TCP_RIGHTS) + (struct.pack("=Q", SCOPES) if abi >= 6 else b"")


def _restrict(kernel: Kernel, attributes: bytes, allowed: Mapping[Path, int]) -> None:
    """attributes: of the rule set. allowed: rights by path; those that the rule set does not know are left out."""
    handled = struct.unpack_from("=Q", attributes)[0]
    rules = kernel.call(CREATE_RULESET, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    try:
        for path, rights in allowed.items():
            with suppress(OSError):  # it does not exist, or may not be opened: then there is nothing to allow
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
                try:
                    known = handled if stat.S_ISDIR(os.fstat(fd).st_mode) else handled & FILE_RIGHTS
                    rule = struct.pack("=Qi", rights & known, fd)
                    kernel.call(ADD_RULE, rules, PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
                finally:
                    os.close(fd)
        kernel.call(RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def rights_of(path: Path) -> int:
    """Return what may be done with it: devices are also written and controlled, and /dev itself is only listed."""
    rights = READ_FILE | READ_DIR
    if path.resolve() == Path("/dev"):
        return READ_DIR
    if path.resolve().is_relative_to("/dev"):
        rights |= WRITE_FILE | TRUNCATE | IOCTL_DEV
    return rights


# --- limits


def _lower(which: int, limit: int) -> None:
    soft, hard = resource.getrlimit(which)
    for now in (soft, hard):
        limit = min(limit, now) if now != resource.RLIM_INFINITY else limit
    resource.setrlimit(which, (limit, limit))


def _count_tasks() -> int:
    """Return how many threads this user has."""
    count, user = 0, os.getuid()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if process.stat().st_uid == user or _real_user(process) == user:
                count += len(list((process / "task").iterdir()))
    return count


def _real_user(process: Path) -> int:
    """Return the user from its status: the folder of a process without dumps belongs to root."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[1])
    return -1


def _drop_capabilities(kernel: Kernel, numbers: dict[str, int]) -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    now = ctypes.create_string_buffer(24)
    kernel.call(numbers["capget"], header, now)
    effective, permitted, *_ = struct.unpack("=6I", now.raw)
    kept = struct.pack("=6I", effective & CAP_DAC_READ_SEARCH, permitted & CAP_DAC_READ_SEARCH, 0, 0, 0, 0)
    with suppress(PermissionError):  # a service without privileges may not even drop them
        kernel.call(numbers["capset"], header, ctypes.create_string_buffer(kept, 24))


# --- seccomp

_NUMBERS = """
open 2 -, mmap 9 222, ioctl 16 29, shmget 29 194, shmat 30 196, socket 41 198, socketpair 53 199, clone 56 220,
fork 57 -, vfork 58 -, execve 59 221, kill 62 129, semget 64 190, msgget 68 186, fcntl 72 25, truncate 76 45,
rename 82 -, mkdir 83 -, rmdir 84 -, creat 85 -, link 86 -, unlink 87 -, symlink 88 -, chmod 90 -, fchmod 91 52,
chown 92 -, fchown 93 55, lchown 94 -, ptrace 101 117, syslog 103 116, capget 125 90, capset 126 91,
rt_sigqueueinfo 129 138, utime 132 -, mknod 133 -, setpriority 141 140, sched_setparam 142 118,
sched_setscheduler 144 119, pivot_root 155 41, chroot 161 51, acct 163 89, settimeofday 164 170, mount 165 40,
umount2 166 39, swapon 167 224, swapoff 168 225, reboot 169 142, init_module 175 105, delete_module 176 106,
setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16,
tkill 200 130, sched_setaffinity 203 122, tgkill 234 131, utimes 235 -, mq_open 240 180, mq_unlink 241 181,
kexec_load 246 104, add_key 248 217, request_key 249 218, keyctl 250 219, ioprio_set 251 30, migrate_pages 256 238,
openat 257 56, mkdirat 258 34, mknodat 259 33, fchownat 260 54, futimesat 261 -, unlinkat 263 35, renameat 264 38,
linkat 265 37, symlinkat 266 36, fchmodat 268 53, unshare 272 97, move_pages 279 239, utimensat 280 88,
rt_tgsigqueueinfo 297 240, perf_event_open 298 241, prlimit64 302 261, name_to_handle_at 303 264,
open_by_handle_at 304 265, setns 308 268, process_vm_readv 310 270, process_vm_writev 311 271, kcmp 312 272,
finit_module 313 273, sched_setattr 314 274, renameat2 316 276, seccomp 317 277, kexec_file_load 320 294,
bpf 321 280, execveat 322 281, userfaultfd 323 282, pidfd_send_signal 424 424, io_uring_setup 425 425,
io_uring_enter 426 426, io_uring_register 427 427, open_tree 428 428, move_mount 429 429, fsopen 430 430,
fsconfig 431 431, fsmount 432 432, fspick 433 433, clone3 435 435, openat2 437 437, pidfd_getfd 438 438,
process_madvise 440 440, mount_setattr 442 442, memfd_secret 447 447, process_mrelease 448 448, fchmodat2 452 452,
setxattrat 463 463, removexattrat 466 466, open_tree_attr 467 467
"""
"""Numbers of system calls on x86-64 and on aarch64; `-`: there is none."""


def _numbers(column: int) -> dict[str, int]:
    rows = [row.split() for row in _NUMBERS.replace("\n", " ").split(",")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SYSCALLS = {"x86_64": _numbers(1), "aarch64": _numbers(2)}
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_NUMBERS = 0x40000000

KILLED = _names(
    "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease bpf keyctl add_key "
    "request_key perf_event_open userfaultfd mount umount2 pivot_root chroot setns unshare open_tree open_tree_attr "
    "move_mount fsopen fsconfig fsmount fspick mount_setattr swapon swapoff reboot acct settimeofday init_module "
    "finit_module delete_module kexec_load kexec_file_load open_by_handle_at name_to_handle_at"
)
"""No library calls these by chance: they end the process, and its traceback names the line."""
REFUSED = _names(
    "socket socketpair execve execveat fork vfork tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal shmget "
    "shmat semget msgget mq_open mq_unlink memfd_secret syslog setpriority ioprio_set migrate_pages move_pages creat "
    "truncate rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat mknod "
    "mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat setxattr "
    "lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat"
)
ABSENT = ("clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register")
"""Their arguments are in memory, which a filter cannot see: the C library falls back to the older call."""
OWN_ONLY = ("kill", "tgkill", "prlimit64", "sched_setparam", "sched_setscheduler", "sched_setattr", "sched_setaffinity")
"""The first argument is a process: 0 or this one, except that `kill(0)` is the whole group and thus refused."""

ALLOW, KILL_PROCESS, TRAP, ERRNO = 0x7FFF0000, 0x80000000, 0x00030000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ARCH, _NUMBER, _ARGUMENTS = 4, 0, 16
CLONE_THREAD, MAP_SHARED, MAP_ANONYMOUS, MAP_GROWSDOWN = 0x10000, 0x01, 0x20, 0x100
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
FIOSETOWN, SIOCSPGRP, TIOCSTI = 0x8901, 0x8902, 0x5412

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


def seccomp_program(numbers: dict[str, int], pid: int, abi: int) -> list[Instruction]:
    """Return the filter. abi: of Landlock, because older ones leave truncation, or all files, to this filter."""
    architecture = next(name for name, table in SYSCALLS.items() if table == numbers)
    program: list[Instruction] = [
        (LOAD, 0, 0, _ARCH),
        (EQUAL, 1, 0, ARCHITECTURES[architecture]),
        _returns(KILL_PROCESS),
        (LOAD, 0, 0, _NUMBER),
    ]
    if architecture == "x86_64":
        program += [(AT_LEAST, 0, 1, X32_NUMBERS), _returns(ERRNO | errno.ENOSYS)]
    for names, result in ((KILLED, TRAP), (REFUSED, ERRNO | errno.EPERM), (ABSENT, ERRNO | errno.ENOSYS)):
        for name in names:
            if name in numbers:
                program += [(EQUAL, 0, 1, numbers[name]), _returns(result)]
    denied = _returns(ERRNO | errno.EPERM)
    for name in OWN_ONLY:
        own = [(EQUAL, 2, 0, pid), (EQUAL, 1, 0, pid if name in ("kill", "tgkill") else 0), denied]
        program += _checks(numbers[name], 0, own)
    program += _checks(numbers["clone"], 0, [(ANY_BIT, 1, 0, CLONE_THREAD), denied])
    program += _checks(numbers["fcntl"], 1, _unless_equal((F_SETOWN, F_SETSIG, F_SETOWN_EX)))
    program += _checks(numbers["ioctl"], 1, _unless_equal((FIOSETOWN, SIOCSPGRP, TIOCSTI)))
    # shared anonymous and growing memory are not counted by RLIMIT_DATA
    uncounted: list[Instruction] = [
        (ANY_BIT, 0, 1, MAP_GROWSDOWN),
        _returns(ERRNO | errno.ENOMEM),
        (AND, 0, 0, MAP_SHARED | MAP_ANONYMOUS),
        (EQUAL, 0, 1, MAP_SHARED | MAP_ANONYMOUS),
        _returns(ERRNO | errno.ENOMEM),
    ]
    program += _checks(numbers["mmap"], 3, uncounted)
    if abi < 3:
        changing = os.O_TRUNC if abi else os.O_TRUNC | os.O_WRONLY | os.O_RDWR | os.O_CREAT
        for name, argument in (("open", 1), ("openat", 2)):
            if name in numbers:
                program += _checks(numbers[name], argument, [(ANY_BIT, 0, 1, changing), denied])
    return [*program, _returns(ALLOW)]


def _returns(value: int) -> Instruction:
    return RETURN, 0, 0, value


def _checks(number: int, argument: int, checks: Sequence[Instruction]) -> list[Instruction]:
    """Return the block for one call: loads the low half of an argument, checks it, allows what is left."""
    block = [(LOAD, 0, 0, _ARGUMENTS + 8 * argument), *checks, _returns(ALLOW)]
    return [(EQUAL, 0, len(block), number), *block]


def _unless_equal(values: Sequence[int]) -> list[Instruction]:
    denied = _returns(ERRNO | errno.EPERM)
    return [one for value in values for one in ((EQUAL, 0, 1, value), denied)]


def _filter(kernel: Kernel, number: int, program: Sequence[Instruction]) -> bool:
    """Install the filter. Return whether the kernel has taken it."""
    code = b"".join(struct.pack("=HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(buffer)))
    for flags in (0b101, 0b1):  # all threads; the first also keeps the speed of older kernels (SPEC_ALLOW)
        with suppress(OSError):
            kernel.call(number, 1, flags, header)
            return True
    return False


def main(errors: int, program: str, hidden: Sequence[Path]) -> None:
    """Start the program in place of this process; the code of an error goes to `errors`, which the program closes."""
    fcntl.fcntl(errors, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    try:
        hide(hidden, Path(program))
        os.execv(program, [program])
    except OSError as error:
        os.write(errors, str(error.errno).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], [Path(path) for path in sys.argv[3:]])
