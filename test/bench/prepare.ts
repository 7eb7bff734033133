import { buildDebianNginx } from '../registry/debian-nginx.ts'

/** Fetches what benchmarks need from outside: they themselves run without a network. */
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const isPulled = names.length === 0 || names.includes('pull')
if (isPulled && !process.argv.includes('--help')) {
  process.stderr.write('bench: the image of Debian, built once …\n')
  await buildDebianNginx()
}
