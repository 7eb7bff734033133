import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must } from '../lab/processes.ts'
import { cachedFolder, debootstrap } from '../registry/debian.ts'
import { writeTree } from '../registry/image.ts'

/** The image that a virtual machine starts from; nobody may change the files. */
export interface BaseImage {
  readonly kernel: string
  readonly initrd: string
  /** A raw ext4 file system without a partition table. */
  readonly disk: string
}

const diskBytes = 4 * 1024 ** 3

/**
 * Carries out what the test sends over a virtual serial port: each line is a script in base64, and
 * each answer a line of its exit code and, in base64, what it printed.
 */
const commands = `#!/bin/sh
exec 3<>/dev/virtio-ports/covey
echo ready >&3
while read -r line <&3; do
  printf %s "$line" | base64 -d >/run/covey-vm.script
  code=0
  sh /run/covey-vm.script >/run/covey-vm.output 2>&1 </dev/null 3>&- || code=$?
  echo "$code $(base64 -w0 /run/covey-vm.output)" >&3
done
`

const unit = `[Unit]
After=basic.target dev-virtio\\x2dports-covey.device
Wants=dev-virtio\\x2dports-covey.device
[Service]
ExecStart=/usr/local/sbin/covey-vm-commands
KillMode=process
[Install]
WantedBy=multi-user.target
`

/** The recipe that the image depends on; a change makes another one. */
const recipe = {
  packages: [
    ...['linux-image-amd64', 'systemd-sysv', 'udev', 'dbus', 'kmod', 'util-linux', 'mount'],
    // What README.md asks for on a host.
    ...['iproute2', 'nftables', 'wireguard-tools', 'iputils-ping', 'runc', 'conmon', 'tar', 'zstd'],
    ...['procps', 'libatomic1'],
  ],
  files: {
    'etc/hostname': 'vm01\n',
    'etc/hosts': '127.0.0.1 localhost vm01\n',
    'etc/fstab': '/dev/vdb /payload ext4 ro 0 0\n',
    'usr/local/sbin/covey-vm-commands': commands,
    'etc/systemd/system/covey-vm.service': unit,
  },
  // Slow under emulation, and nothing that covey or its unit meets.
  masked: [
    ...['e2scrub_reap.service', 'e2scrub_all.timer', 'apt-daily.timer', 'apt-daily-upgrade.timer'],
    ...['dpkg-db-backup.timer', 'fstrim.timer', 'serial-getty@ttyS0.service', 'getty@tty1.service'],
  ],
  diskBytes,
} as const

/** A Debian with systemd and the kernel's own WireGuard; built once, which takes two minutes. */
export async function buildBaseImage(): Promise<BaseImage> {
  const folder = await cachedFolder('vm-debian', recipe, build)
  const path = (name: string): string => join(folder, name)
  return { kernel: path('vmlinuz'), initrd: path('initrd.img'), disk: path('disk.img') }
}

async function build(folder: string): Promise<void> {
  const root = join(folder, 'root')
  await debootstrap(recipe.packages, root)
  await writeTree(root, recipe.files)
  await must('chmod', ['755', join(root, 'usr/local/sbin/covey-vm-commands')])
  await mkdir(join(root, 'payload'))
  const units = join(root, 'etc/systemd/system')
  const wants = join(units, 'multi-user.target.wants')
  await symlink('../covey-vm.service', join(wants, 'covey-vm.service'))
  for (const each of recipe.masked) {
    await rm(join(units, each), { force: true })
    await symlink('/dev/null', join(units, each))
  }
  for (const each of ['vmlinuz', 'initrd.img']) {
    await must('cp', ['--dereference', join(root, each), join(folder, each)])
  }
  await makeDisk(root, join(folder, 'unfinished.img'), diskBytes)
  await rename(join(folder, 'unfinished.img'), join(folder, 'disk.img'))
  await rm(root, { recursive: true })
}

/** Makes a file system of a folder's content. */
export async function makeDisk(source: string, disk: string, bytes: number): Promise<void> {
  await writeFile(disk, '')
  await truncate(disk, bytes)
  await must('mkfs.ext4', ['-q', '-d', source, disk], { timeoutMs: 300_000 })
}
