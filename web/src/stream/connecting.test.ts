import { describe, expect, it } from 'vitest'
import { line, pass, settle, staged } from './stage.ts'

const stage = staged()

describe('waiting', () => {
  const waits = () => stage().seen.states.flatMap((s) => (s.kind === 'waiting' ? [s.until] : []))

  async function refusedOnce(status: number, headers: Record<string, string> = {}): Promise<number> {
    const now = Date.now()
    stage().server.last.refuse(status, 'no', headers)
    await settle()
    return (waits().at(-1) ?? 0) - now
  }

  it('doubles a jittered ceiling from half a second to 30 s', async () => {
    stage().random = 1
    stage().client.start()
    const all: number[] = []
    for (let i = 0; i < 8; i++) {
      all.push(await refusedOnce(500))
      await pass(all.at(-1) ?? 0)
    }
    expect(all).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  it('takes the base of the first wait from the server', async () => {
    stage().random = 1
    await stage().opened()
    const now = Date.now()
    stage().server.last.close()
    await settle()
    expect((waits().at(-1) ?? 0) - now).toBe(3000)
  })

  it('starts again from the base after 30 stable seconds', async () => {
    stage().random = 1
    stage().client.start()
    for (let i = 0; i < 4; i++) await pass(await refusedOnce(500))
    stage().server.last.open().send('retry: 3000\n\n')
    for (let i = 0; i < 4; i++) {
      await pass(10_000)
      stage().server.last.send(': keepalive\n\n')
    }
    const now = Date.now()
    stage().server.last.close()
    await settle()
    expect((waits().at(-1) ?? 0) - now).toBe(3000)
  })

  it('waits as long as Retry-After says, and a jitter more', async () => {
    stage().client.start()
    expect(await refusedOnce(503, { 'Retry-After': '7' })).toBe(7000 + 250)
    expect(stage().seen.states.at(-1)).toMatchObject({ kind: 'waiting', limit: false, reason: 'no' })
    await pass(7300)
    expect(await refusedOnce(429, { 'Retry-After': '3' })).toBe(3000 + 500)
    expect(stage().seen.states.at(-1)).toMatchObject({ kind: 'waiting', limit: true, reason: 'no' })
  })

  it('ends a wait when the page wakes up, but not one that the server asked for', async () => {
    stage().random = 1
    stage().client.start()
    await refusedOnce(500)
    stage().client.wake()
    await settle()
    expect(stage().server.calls).toHaveLength(2)
    await refusedOnce(503, { 'Retry-After': '60' })
    stage().client.wake()
    await settle()
    expect(stage().server.calls).toHaveLength(2)
    stage().client.retry()
    await settle()
    expect(stage().server.calls).toHaveLength(3)
  })

  it('comes back after bye when the server said', async () => {
    await stage().opened(line(1, 'one'))
    stage().server.last.send('retry: 1234\n\nevent: bye\ndata: {"reason":"shutdown"}\n\n').close()
    await settle()
    await pass(1233)
    expect(stage().server.calls).toHaveLength(1)
    await pass(1)
    expect(stage().server.calls).toHaveLength(2)
  })

  it('waits long where streaming is switched off, and shows the words', async () => {
    stage().client.start()
    stage().server.last.refuse(200, 'Streaming is off (stream-enabled=false).')
    await settle()
    const state = stage().seen.states.at(-1)
    expect(state).toMatchObject({ kind: 'waiting', limit: true })
    expect(JSON.stringify(state)).toContain('stream-enabled=false')
    await pass(29_000)
    expect(stage().server.calls).toHaveLength(1)
  })
})

describe('dead connections', () => {
  it('are left after 45 s without a byte', async () => {
    await stage().opened()
    await pass(44_000)
    stage().server.last.send(': keepalive\n\n')
    await pass(44_900)
    expect(stage().server.last.aborted).toBe(false)
    await pass(200)
    expect(stage().server.last.aborted).toBe(true)
    await stage().reconnected()
  })

  it('are left when no answer comes at all', async () => {
    stage().client.start()
    await pass(20_100)
    expect(stage().server.calls[0]?.aborted).toBe(true)
    await stage().reconnected()
  })

  it('are found out when the page wakes up', async () => {
    await stage().opened()
    await pass(16_000)
    stage().client.wake()
    await pass(2_100)
    expect(stage().server.calls[0]?.aborted).toBe(true)
  })

  it('are not suspected while the heartbeat is heard', async () => {
    await stage().opened()
    await pass(10_000)
    stage().client.wake()
    await pass(5_000)
    stage().server.last.send('event: ping\ndata: {"t":1}\n\n')
    await pass(16_000)
    stage().client.wake()
    stage().server.last.send('event: ping\ndata: {"t":2}\n\n')
    await pass(5_000)
    expect(stage().server.calls).toHaveLength(1)
    expect(stage().server.last.aborted).toBe(false)
  })
})

describe('ends', () => {
  it('hands over to the login page on 401', async () => {
    stage().client.start()
    stage().server.last.refuse(401, '{"error":"no login"}')
    await settle()
    expect(stage().seen.signedOut).toBe('')
    expect(stage().seen.kind).toBe('signed-out')
    await pass(120_000)
    expect(stage().server.calls).toHaveLength(1)
  })

  it('says why the login ended before it leaves', async () => {
    await stage().opened(line(1, 'one'))
    stage().server.last.send('event: auth\ndata: {"reason":"expired"}\n\n').close()
    await settle()
    expect(stage().seen.states.at(-1)).toEqual({ kind: 'ended', reason: 'expired' })
    await pass(1_500)
    stage().server.last.refuse(401, '')
    await settle()
    expect(stage().seen.signedOut).toBe('expired')
  })

  it('stops on 403 with the server’s words', async () => {
    stage().client.start()
    stage().server.last.refuse(403, '{"error":"not yours"}', { 'Content-Type': 'application/json' })
    await pass(120_000)
    expect(stage().seen.states.at(-1)).toEqual({ kind: 'forbidden', message: 'not yours' })
    expect(stage().server.calls).toHaveLength(1)
  })

  it('stops on 400 that no cursor caused', async () => {
    stage().client.start()
    stage().server.last.refuse(400, 'level: unknown word')
    await pass(120_000)
    expect(stage().seen.states.at(-1)).toEqual({ kind: 'rejected', message: 'level: unknown word' })
  })

  it('leaves the connection when it is stopped', async () => {
    await stage().opened()
    stage().client.stop()
    await pass(120_000)
    expect(stage().server.last.aborted).toBe(true)
    expect(stage().server.calls).toHaveLength(1)
  })
})

describe('states', () => {
  it('go from connecting over catching up to live', async () => {
    await stage().opened(line(1, 'one') + line(2, 'two'))
    await pass(150)
    expect(stage().seen.states.at(-1)).toEqual({ kind: 'catching-up', lines: 2 })
    await pass(300)
    expect(stage().seen.kind).toBe('live')
    expect(stage().seen.states.map((s) => s.kind).filter((k, i, all) => k !== all[i - 1])).toEqual([
      'connecting',
      'catching-up',
      'live',
    ])
  })

  it('tell when the broker goes and comes back', async () => {
    await stage().opened()
    stage().server.last.send('event: status\ndata: {"upstream":"down"}\n\n')
    await pass(1_000)
    expect(stage().seen.kind).toBe('upstream-down')
    stage().server.last.send('event: status\ndata: {"upstream":"up"}\n\n')
    await pass(1_000)
    expect(stage().seen.kind).toBe('live')
  })
})
