import { describe, expect, it } from 'vitest'
import { Border, insideOf } from '../../src/http/border.ts'

const MACHINE = 'this machine itself'
const SERVICE = 'a service of its network or cloud'

describe('an address', () => {
  it.each([
    ['127.0.0.1', MACHINE],
    ['127.255.255.254', MACHINE],
    ['0.0.0.0', MACHINE],
    ['::1', MACHINE],
    ['::', MACHINE],
    ['::ffff:127.0.0.1', MACHINE],
    ['::ffff:7f00:1', MACHINE],
    ['64:ff9b::7f00:1', MACHINE],
    ['169.254.169.254', SERVICE],
    ['169.254.0.1', SERVICE],
    ['::ffff:169.254.169.254', SERVICE],
    ['64:ff9b::a9fe:a9fe', SERVICE],
    ['fe80::1', SERVICE],
    ['febf::1', SERVICE],
    ['fd00:ec2::254', SERVICE],
    ['fd20:ce::254', SERVICE],
    ['100.100.100.200', SERVICE],
    ['168.63.129.16', SERVICE],
    ['192.0.0.192', SERVICE],
    ['10.1.2.3', undefined],
    ['192.168.1.1', undefined],
    ['172.16.0.1', undefined],
    ['100.64.0.1', undefined],
    ['128.0.0.1', undefined],
    ['169.253.255.255', undefined],
    ['fec0::1', undefined],
    ['fd00::1', undefined],
    ['2001:db8::1', undefined],
  ])('%s means %s', (address, inside) => {
    expect(insideOf(address)).toBe(inside)
  })
})

describe('a border', () => {
  const admit = (home: string, target: string): Promise<void> => new Border(home).admit(new URL(target))

  it.each([
    ['http://10.1.2.3:8080', 'http://127.0.0.1/'],
    ['http://203.0.113.5', 'http://169.254.169.254/'],
    ['http://203.0.113.5', 'http://[::ffff:169.254.169.254]/'],
    ['http://127.0.0.1:8080', 'http://169.254.169.254/'],
    ['http://169.254.1.2', 'http://127.0.0.1/'],
  ])('lets nobody from %s to %s', async (home, target) => {
    const refused = admit(home, target)
    await expect(refused).rejects.toMatchObject({ code: 'BAD_REDIRECT' })
    await expect(refused).rejects.toThrow(
      `${home} redirects to ${new URL(target).hostname.replace(/[[\]]/g, '')}`,
    )
  })

  it.each([
    ['http://127.0.0.1:8080', 'http://127.0.0.1:9090/'],
    ['http://127.0.0.1:8080', 'http://[::1]:9090/'],
    ['http://[::1]:8080', 'http://127.0.0.1:9090/'],
    ['http://localhost:8080', 'http://127.0.0.1:9090/'],
    ['http://169.254.1.2', 'http://169.254.169.254/'],
    ['http://203.0.113.5', 'http://198.51.100.7/'],
    ['http://203.0.113.5', 'http://10.1.2.3/'],
    ['http://203.0.113.5', 'https://store.example/'],
  ])('lets a redirect from %s to %s pass', async (home, target) => {
    await expect(admit(home, target)).resolves.toBeUndefined()
  })
})
