import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFolder } from './reading.ts'

const file = `\uFEFFx-env: &env
  A: 1.10
  B: yes
services:
  web:
    image: "nginx:\${TAG:-1.27}"
    environment: { <<: *env, DB_PASSWORD: hunter2hunter2, U: $UNSET, E: "\${SEC}" }
    ports: ["8080:80", "\${BIND:-}:443:443", 22:22]
    volumes: [./data:/data, db:/var/lib]
    command: sh -c "echo 'a b' $$X {1...4}"
    healthcheck: { test: curl -f http://localhost, interval: 1m30s, retries: $R }
    depends_on: [db]
    restart: no
  db:
    image: postgres
    entrypoint: ""
volumes: { db: }
`

describe('a Compose project', () => {
  it('is read as it is', async () => {
    const { project, faults, notes } = await readFolder({
      'compose.yaml': file,
      '.env': 'R=3\nSEC="a\nb"\n',
    })
    assert.deepEqual(faults, [])
    assert.deepEqual(notes, [
      'compose.yaml:2:6: services.web.environment.A: 1.10 without quotes is the number 1.1, as in Compose: put it in quotes if it is a text',
      'compose.yaml:7:43: services.web.environment.DB_PASSWORD: DB_PASSWORD looks like a secret and stands in the file: covey seals it, but who reads the file has it',
      'compose.yaml:7:62: the variable UNSET is not set: it is taken as empty',
    ])
    const web = project.services.get('web')
    assert.equal(web?.image?.value, 'nginx:1.27')
    const environment = [...(web?.environment ?? [])].map(
      ([name, { value, isSensitive, place }]) =>
        `${name}=${value}${isSensitive ? ' secret' : ''} ${place.line}:${place.column}`,
    )
    assert.deepEqual(environment, [
      'DB_PASSWORD=hunter2hunter2 secret 7:43',
      'U= 7:62',
      'E=a\nb secret 7:73',
      'A=1.1 2:6',
      'B=yes 3:6',
    ])
    assert.deepEqual(
      web?.ports.map(({ hostAddress, hostPort, containerPort, place }) => [
        hostAddress,
        hostPort,
        containerPort,
        place.column,
      ]),
      [
        ['', 8080, 80, 13],
        ['', 443, 443, 24],
        ['', 22, 22, 45],
      ],
    )
    assert.deepEqual(
      web?.command?.map(({ value }) => value),
      ['sh', '-c', "echo 'a b' $X {1...4}"],
    )
    assert.equal(web?.restart, 'no')
    assert.deepEqual(project.services.get('db')?.entrypoint, [])
    assert.deepEqual(web?.placeOf('depends_on.db'), {
      file: '/p/compose.yaml',
      line: 12,
      column: 18,
    })
  })

  it('tells all faults at once', async () => {
    const { faults } = await readFolder({
      'compose.yaml': 'services:\n  web:\n    imag: x\n    ports: [a]\n    build: .\n',
    })
    assert.deepEqual(faults, [
      'compose.yaml:3:5: services.web.imag: Compose knows no key "imag" here: do you mean "image"?',
      'compose.yaml:4:13: services.web.ports.0: is no port: write "8080:80", with ports from 1 to 65535: a',
      'compose.yaml:5:5: services.web.build: covey does not support "build": build the image elsewhere and name it: docker build -t REGISTRY/NAME . && docker push REGISTRY/NAME',
    ])
  })
})
