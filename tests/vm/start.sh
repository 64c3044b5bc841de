# What a machine has running before anybody logs in; then the one command. machine.py puts the values before this.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
b=/bin/busybox
$b mount -t tmpfs -o mode=755 run /run
$b mkdir -p /dev/pts /dev/shm /run/lock /run/user /run/systemd/ask-password "/lib/modules/$version"
$b mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts /dev/pts
$b mount -t tmpfs -o mode=1777 shm /dev/shm
$b mount -t tmpfs cgroup /sys/fs/cgroup
$b mount --bind "$modules" "/lib/modules/$version"
[ -e /dev/fd ] || $b ln -s /proc/self/fd /dev/fd
$b hostname keyfob-vm
$b ip link set lo up
/lib/systemd/systemd-udevd --daemon 2>/dev/null
modprobe -a uhid hid-generic loop dm-crypt
udevadm trigger --action=add --subsystem-match=misc --subsystem-match=hidraw --subsystem-match=block --subsystem-match=mem
udevadm settle
output=$(echo /dev/vport*p1) status=$(echo /dev/vport*p2)
(cd "$directory" && eval "exec $command") </dev/null >"$output" 2>&1
echo $? >"$status"
$b poweroff -f
