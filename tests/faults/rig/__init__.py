"""A real file system on a disk that remembers every write and flush, so that the power can be cut afterwards, anywhere.

    program -> ext4 -> loop device -> one file in a FUSE file system = `fuse.OneFile`

Needs root, /dev/fuse and loop devices, and nothing else: no device-mapper, no kernel module, no library.
"""
