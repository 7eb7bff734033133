import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Compiled } from '../../../operator/layout/compile.ts'
import type { Beside } from '../../../operator/layout/inputs.ts'
import { clusterOf, compiled, faultTexts, objectOf, sound } from './world.ts'

/** One service that mounts this, in a stack `shop`. */
function mounting(volume: string, more: string = '', options: string = 'ports: mesh') {
  const text = `services:\n  web:\n    image: a\n    volumes: [${volume}]\n${more}`
  return clusterOf(['pi'], { shop: [options, text] })
}

function mountsOf(result: Compiled): unknown {
  return objectOf(result, 'pi', 'shop-web')['mounts']
}

const file = (path: string, text: string, mode: number = 0o644) => {
  return { path, mode, content: Buffer.from(text) }
}

describe('what a service mounts', () => {
  it('is a volume of the stack, which receives what the image has there', async () => {
    const result = await sound(mounting('"data:/d"', 'volumes: { data: {} }\n'))
    assert.deepEqual(mountsOf(result), [{ volume: 'shop-data_v', path: '/d', seed: true }])
    assert.deepEqual(objectOf(result, 'pi', 'shop-data_v'), { type: 'volume' })
    const plain = mounting(
      '{ type: volume, source: data, target: /d, volume: { nocopy: true } }',
      'volumes: { data: {} }\n',
    )
    assert.deepEqual(mountsOf(await sound(plain)), [{ volume: 'shop-data_v', path: '/d' }])
  })

  it('is a volume that stacks share by its name', async () => {
    const text = (volume: string): string =>
      `services:\n  web: { image: a, volumes: ["m:/m"] }\nvolumes: { m: ${volume} }\n`
    const owner = text('{ name: media }')
    const result = await sound(
      clusterOf(['pi'], { one: owner, two: text('{ external: true, name: media }') }),
    )
    const name = (stack: string) => objectOf(result, 'pi', `${stack}-web`)['mounts']
    assert.deepEqual(name('one'), name('two'))
    assert.deepEqual(objectOf(result, 'pi', 'media_v'), { type: 'volume' })
    const alone = await compiled(
      clusterOf(['pi'], { two: text('{ external: true, name: media }') }),
    )
    assert.match(
      String(faultTexts(alone)),
      /^two\.yaml:2:.* the volume media is external, and pi has none/,
    )
  })

  it('is a folder of the host where the stack says that a volume is one', async () => {
    const adopted = 'volumes: { data: /var/lib/docker/volumes/shop_data/_data }'
    const volume = 'volumes: { data: DATA }\n'
    for (const written of ['{}', '{ external: true }', '{ driver_opts: { type: nfs, o: x } }']) {
      const result = await sound(mounting('"data:/d"', volume.replace('DATA', written), adopted))
      const name = written.includes('external') ? 'data_v' : 'shop-data_v'
      assert.deepEqual(mountsOf(result), [{ volume: name, path: '/d' }], 'nothing is put into it')
      const path = '/var/lib/docker/volumes/shop_data/_data'
      assert.deepEqual(objectOf(result, 'pi', name), { type: 'volume', path })
    }
    const unknown = await compiled(
      mounting('"data:/d"', 'volumes: { data: {} }\n', 'volumes: { date: /d }'),
    )
    assert.deepEqual(faultTexts(unknown), [
      'stacks.shop.volumes.date: there is no such volume; its files have these volumes: data',
    ])
  })

  it('is one folder of the host for all stacks that share a volume', async () => {
    const text =
      'services:\n  web: { image: a, volumes: ["m:/m"] }\nvolumes: { m: { external: true, name: media } }\n'
    const shared = await sound(
      clusterOf(['pi'], { one: text, two: ['volumes: { m: /srv/media }', text] }),
    )
    assert.deepEqual(objectOf(shared, 'pi', 'media_v'), { type: 'volume', path: '/srv/media' })
    const torn = await compiled(
      clusterOf(['pi'], {
        one: ['volumes: { m: /srv/other }', text],
        two: ['volumes: { m: /srv/media }', text],
      }),
    )
    assert.match(
      String(faultTexts(torn)),
      /^two\.yaml:2:.* the volume media is \/srv\/media here, and \/srv\/other in another stack$/,
    )
  })

  it('is a path of the host, made where the short form is missing', async () => {
    const result = await sound(
      mounting(
        '"/srv/x/:/x:ro", { type: bind, source: /srv/y, target: /y, bind: { create_host_path: false } }',
      ),
    )
    assert.deepEqual(mountsOf(result), [
      { host_path: '/srv/x', path: '/x', read_only: true, create: true },
      { host_path: '/srv/y', path: '/y' },
    ])
  })

  it('is only read where it says something of the host', async () => {
    const result = await sound(
      mounting('"/etc/localtime:/etc/localtime", "/var/run/dbus:/run/dbus"'),
    )
    assert.deepEqual(mountsOf(result), [
      { host_path: '/etc/localtime', path: '/etc/localtime', read_only: true },
      { host_path: '/run/dbus', path: '/run/dbus', read_only: true },
    ])
  })

  it('needs users of its own where it shows all of the host', async () => {
    const result = await sound(
      mounting('"/:/host:ro,rslave", "/sys/:/host/sys"', '    pid: host\n    network_mode: host\n'),
    )
    const web = objectOf(result, 'pi', 'shop-web')
    assert.deepEqual(
      [web['user_namespace'], web['host_pid'], web['host_network']],
      [true, true, true],
    )
    assert.deepEqual(web['mounts'], [
      { host_path: '/', path: '/host', read_only: true },
      { host_path: '/sys', path: '/host/sys', read_only: true },
    ])
    const bus = await sound(mounting('"/run/dbus:/run/dbus"', '    privileged: true\n'))
    const other = objectOf(bus, 'pi', 'shop-web')
    assert.deepEqual([other['user_namespace'], other['privileged']], [undefined, true])
    const both = await sound(mounting('"/proc/:/host/proc"', '    privileged: true\n'))
    const seen = objectOf(both, 'pi', 'shop-web')
    assert.deepEqual([seen['user_namespace'], seen['privileged']], [true, undefined])
    assert.match(String(both.warnings), /privileged is left out/)
  })

  it('is a folder of the stack where nothing lies beside the file', async () => {
    const result = await sound(mounting('"./data/db:/d", "./:/all"'))
    assert.deepEqual(mountsOf(result), [
      { volume: 'shop_dir_v', path: '/d', subpath: 'data/db', create: true },
      { volume: 'shop_dir_v', path: '/all' },
    ])
    assert.deepEqual(objectOf(result, 'pi', 'shop_dir_v'), { type: 'volume' })
    const given = await sound(mounting('"./data:/d"', '', 'dir: /opt/shop'))
    assert.deepEqual(objectOf(given, 'pi', 'shop_dir_v'), { type: 'volume', path: '/opt/shop' })
  })

  it('is sent with the config where it lies beside the file', async () => {
    const beside: Record<string, Beside> = {
      './a.conf': { kind: 'file', files: [file('', 'x\n', 0o640)] },
      './bin': { kind: 'file', files: [{ path: '', mode: 0o755, content: Buffer.from([255, 0]) }] },
      './conf.d': { kind: 'folder', files: [file('a', '1'), file('sub/b', '2')] },
    }
    const files = mounting('"./a.conf:/etc/a.conf", "./bin:/bin/x", "./conf.d:/etc/conf.d/:ro"')
    const result = await sound(files, undefined, { shop: beside })
    const web = objectOf(result, 'pi', 'shop-web')
    assert.equal(web['mounts'], undefined)
    assert.deepEqual(web['tmpfs'], [{ path: '/etc/conf.d', mode: '0755', only_files: true }])
    assert.deepEqual(web['files'], [
      { path: '/etc/a.conf', content: 'x\n', mode: '0640' },
      { path: '/bin/x', content_base64: '/wA=', mode: '0755' },
      { path: '/etc/conf.d/a', content: '1', mode: '0644' },
      { path: '/etc/conf.d/sub/b', content: '2', mode: '0644' },
    ])
  })

  it('is refused where it would be written to beside the file, or is too large', async () => {
    const folder: Beside = { kind: 'folder', files: [] }
    const result = await compiled(mounting('"./d:/d"'), undefined, { shop: { './d': folder } })
    assert.match(String(faultTexts(result)), /^shop\.yaml:4:15: \.\/d lies beside the file/)
    const large: Beside = { kind: 'file', files: [file('', 'x'.repeat(300_000))] }
    const heavy = await compiled(mounting('"./f:/f"'), undefined, { shop: { './f': large } })
    assert.match(
      String(faultTexts(heavy)),
      /^shop\.yaml:2:3: its files and configs hold 300000 bytes/,
    )
  })

  it('is a volume at a path of the host for a bind of driver_opts, refused for NFS', async () => {
    const bind = 'volumes: { d: { driver_opts: { type: none, o: bind, device: /srv/d } } }\n'
    const result = await sound(mounting('"d:/d"', bind))
    assert.deepEqual(objectOf(result, 'pi', 'shop-d_v'), { type: 'volume', path: '/srv/d' })
    assert.deepEqual(mountsOf(result), [{ volume: 'shop-d_v', path: '/d' }])
    const nfs = 'volumes: { d: { driver_opts: { type: nfs, o: addr=nas, device: ":/x" } } }\n'
    const refused = await compiled(mounting('"d:/d"', nfs))
    assert.match(
      String(faultTexts(refused)),
      /^shop\.yaml:4:15: a volume of nfs options is not mounted/,
    )
  })

  it('is an anonymous volume that keeps its name, and memory with its options', async () => {
    const more = '    tmpfs: ["/tmp", "/run:size=64m,mode=1770"]\n'
    const result = await sound(mounting('/var/lib/x', more))
    const [mount] = mountsOf(result) as { volume: string; path: string }[]
    assert.match(mount?.volume ?? '', /^shop-web-[0-9a-f]{8}_v$/)
    assert.deepEqual(objectOf(result, 'pi', 'shop-web')['tmpfs'], [
      '/tmp',
      { path: '/run', size_bytes: 67_108_864, mode: '1770' },
    ])
  })
})

describe('configs and secrets with content', () => {
  it('become files, and secrets where they hold what is sensitive', async () => {
    const text =
      'services:\n  web:\n    image: a\n    configs: [c, { source: s, target: /s, mode: 0400 }]\n' +
      '    secrets: [{ source: k, target: key, uid: "70" }]\n' +
      'configs:\n  c: { content: "plain" }\n  s: { content: "pw=$PW" }\nsecrets:\n  k: { file: ./k.txt }\n'
    const files = clusterOf(['pi'], { shop: text })
    const result = await sound({ ...files, '.env': 'PW=s3cret\n', 'k.txt': 'hidden\n' })
    const web = objectOf(result, 'pi', 'shop-web')
    assert.deepEqual(web['files'], [{ path: '/c', content: 'plain', mode: '0444' }])
    assert.deepEqual(web['secrets'], [
      { secret: 'shop-k_s', path: '/run/secrets/key', mode: '0444', uid: 70 },
      { secret: 'shop-s_c', path: '/s', mode: '0400' },
    ])
    assert.doesNotMatch(JSON.stringify(result.hosts), /s3cret|hidden/)
  })
})
