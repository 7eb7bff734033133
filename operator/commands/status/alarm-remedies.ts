import { printable } from '../../../protocol/printable.ts'

/** The remedy for each alarm of a node (docs/TROUBLESHOOTING.md), for people. */
const remedyOf: Readonly<Record<string, string>> = {
  fork:
    'sign a higher version, which ends it: covey apply. For a config by hand: ' +
    'covey config show --signed > head.json, then ' +
    'covey sign CONFIG --base head.json -o FILE && covey inject FILE',
  'lost-branch':
    'to have it back, copy evidence/DIGEST.json from the state folder of the host that ' +
    'shows this (/var/lib/covey), then: covey sign DIGEST.json -o again.json && covey inject again.json; ' +
    'any next version that is signed on top of the head ends the alarm',
  'root-fork':
    'whoever holds enough root keys of both ends it: covey root rotate --settle OTHER_ROOT_FILE; ' +
    'the other root is in rivals/ of the state folder',
  'floor-unknown':
    'it ends by itself once most peers have answered; otherwise enrol the host again: covey ' +
    'bundle here, covey enrol there',
  'state-damaged':
    'missing files are requested again; check the disk, and if a root is damaged, enrol the ' +
    'host again',
  storage: 'make room in /var/lib/covey, or repair the disk; the host keeps what it holds',
  isolated: 'no peer answers: check the tunnel and the endpoints of this host and of one other',
  'other-cluster':
    'a peer belongs to another cluster: compare root digests (covey root show), and enrol ' +
    'the wrong one again',
}

/** The remedy of each kind of alarm, once. */
export function remedies(
  alarms: readonly { readonly code: string; readonly message: string }[],
): readonly { readonly code: string; readonly remedy: string }[] {
  const codes = [...new Set(alarms.map(({ code }) => code))]
  return codes.flatMap((code) => {
    const remedy = Object.hasOwn(remedyOf, code) ? remedyOf[code] : undefined
    if (remedy === undefined) return []
    const [only, ...others] = alarms.filter((alarm) => alarm.code === code)
    const named = /evidence\/([0-9a-f]{64})\.json/.exec(only?.message ?? '')?.[1]
    const digest = others.length === 0 ? named : undefined
    return [{ code: printable(code), remedy: remedy.replaceAll('DIGEST', digest ?? 'DIGEST') }]
  })
}
