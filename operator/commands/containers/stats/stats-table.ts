import { shownName } from '../../../all-hosts/find.ts'
import { type Cell, type Paint, type Tone, table } from '../../../terminal/style.ts'
import { sizeText } from '../../images/progress.ts'
import type { HostUsage } from './rows.ts'

/** One table of all containers, the busiest columns first. */
export function statsTable(rows: readonly HostUsage[], isSeveral: boolean, paint: Paint): string {
  if (rows.length === 0) return isSeveral ? 'nothing runs\n' : 'nothing runs on this host\n'
  const heads = ['CPU %', 'MEMORY', 'LIMIT', 'MEM %', 'NET IN', 'NET OUT', 'READ', 'WRITE', 'PIDS']
  const cells = rows.map((row): readonly Cell[] => [
    ...(isSeveral ? [row.host] : []),
    shownName({ ...row, object: row.name }),
    percent(row.cpu_percent, null),
    size(row.memory_bytes),
    size(row.memory_limit_bytes),
    percent(row.memory_percent, row.memory_limit_bytes),
    rate(row.rx_bytes_per_second),
    rate(row.tx_bytes_per_second),
    rate(row.read_bytes_per_second),
    rate(row.write_bytes_per_second),
    row.pids === null ? '-' : String(row.pids),
  ])
  return table([...(isSeveral ? ['HOST'] : []), 'NAME', ...heads], cells, paint)
}

/** Memory near its limit is coloured: what is over it is killed. */
function percent(value: number | null, limit: number | null): Cell {
  if (value === null) return '-'
  const text = value.toFixed(1)
  const tone: Tone | null = limit === null || value < 80 ? null : value < 95 ? 'busy' : 'bad'
  return tone === null ? text : { text, tone }
}

function size(bytes: number | null): string {
  return bytes === null ? '-' : sizeText(bytes)
}

function rate(bytes: number | null): string {
  return bytes === null ? '-' : `${sizeText(Math.round(bytes))}/s`
}
