#!/bin/busybox sh
# The guest's first process: finds its root, which is the host's, read-only, below what the guest writes into memory.
b=/bin/busybox
$b mount -t devtmpfs devtmpfs /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
for module in /modules/*.ko; do $b insmod "$module"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /lower
$b mount -t tmpfs -o size=75% upper /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root
for directory in proc sys dev; do $b mount --move "/$directory" "/root/$directory"; done
scratch=$($b sed 's/.*keyfob-vm=\([^ ]*\).*/\1/' /root/proc/cmdline)
exec $b switch_root /root /bin/sh "$scratch/start"
