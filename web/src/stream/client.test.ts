import { describe, expect, it, vi } from 'vitest'
import { id, line, pass, settle, staged, url } from './stage.ts'

const stage = staged()

describe('reading', () => {
  it('asks for the stream without a cursor, and passes lines on in order', async () => {
    await stage().opened(line(1, 'one') + line(2, 'two'))
    expect(stage().server.last.url).toBe(url)
    expect(stage().server.last.headers).toEqual({ Accept: 'text/event-stream' })
    expect(stage().seen.lines).toEqual(['one', 'two'])
    expect(stage().client.cursor).toBe(id(2))
  })

  it('joins the data of one block with line feeds', async () => {
    await stage().opened(`id: ${id(1)}\ndata: {\ndata:   "a": 1\ndata: }\n\n`)
    expect(stage().seen.lines).toEqual(['{\n  "a": 1\n}'])
  })

  it('keeps a character together that arrives in two pieces', async () => {
    await stage().opened()
    const bytes = new TextEncoder().encode(line(1, 'grün'))
    const cut = bytes.indexOf(0xc3) + 1
    stage().server.last.send(bytes.slice(0, cut))
    await settle()
    stage().server.last.send(bytes.slice(cut))
    await settle()
    expect(stage().seen.lines).toEqual(['grün'])
  })

  it('is moved on by a bare id', async () => {
    await stage().opened(line(1, 'one') + `id: ${id(7)}\n\n`)
    expect(stage().client.cursor).toBe(id(7))
  })

  it('counts an id only when its blank line came', async () => {
    await stage().opened(line(1, 'one') + `id: ${id(2)}\ndata: half`)
    stage().server.last.cut()
    await settle()
    expect(stage().client.cursor).toBe(id(1))
    expect(stage().seen.lines).toEqual(['one'])
  })

  it('shows lines without an id, however alike', async () => {
    await stage().opened('data: same\n\ndata: same\n\n')
    expect(stage().seen.lines).toEqual(['same', 'same'])
  })

  it('leaves heartbeats and unknown events alone', async () => {
    await stage().opened('event: ping\ndata: {"t":1}\n\nevent: novelty\ndata: x\n\n: keepalive\n\n')
    expect(stage().seen.lines).toEqual([])
    expect(stage().seen.told).toEqual([])
  })
})

describe('once', () => {
  it('drops a src that it has shown, and still moves the cursor', async () => {
    await stage().opened(line(1, 'one', 'A') + line(5, 'one', 'A') + line(6, 'two', 'B'))
    expect(stage().seen.lines).toEqual(['one', 'two'])
    expect(stage().client.cursor).toBe(id(6, 'B'))
  })

  it('drops an entry without a src that it has shown', async () => {
    await stage().opened(line(1, 'one', '') + line(1, 'one', '') + line(2, 'one', ''))
    expect(stage().seen.lines).toEqual(['one', 'one'])
  })

  it('does not show a line without an id again when a resume replays it', async () => {
    await stage().opened(line(1, 'one', '') + 'data: tick\n\ndata: tick\n\n')
    stage().server.last.close()
    await stage().reconnected()
    const again = `data: tick\n\ndata: tick\n\nid: ${id(1, '')}\n\n`
    stage().server.last.open().send(`retry: 3000\n\n${again}data: tick\n\n`)
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'tick', 'tick', 'tick'])
  })

  it('knows a line again that got its place while it was away', async () => {
    await stage().opened(line(1, 'one', '') + 'data: late\n\n')
    stage().server.last.close()
    await stage().reconnected()
    stage().server.last.open().send(line(2, 'late', '') + line(3, 'late', ''))
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'late', 'late'])
  })

  it('shows a line like an earlier one that follows a line of its own place', async () => {
    await stage().opened(line(1, 'one') + 'data: tick\n\n')
    stage().server.last.close()
    await stage().reconnected()
    stage().server.last.open().send(line(2, 'two') + 'data: tick\n\n')
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'tick', 'two', 'tick'])
  })

  it('shows a line like one from before the cursor', async () => {
    await stage().opened('data: tick\n\n' + line(1, 'one'))
    stage().server.last.close()
    await stage().reconnected()
    stage().server.last.open().send('data: tick\n\n')
    await settle()
    expect(stage().seen.lines).toEqual(['tick', 'one', 'tick'])
  })

  it('shows a line like an earlier one that was lost with the ring', async () => {
    await stage().opened(line(1, 'one', '') + 'data: tick\n\n')
    stage().server.last.close()
    await stage().reconnected()
    stage().server.last.open().send(`retry: 3000\n\nid: ${id(1, '')}\n\ndata: tick\n\n`)
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'tick', 'tick'])
  })
})

describe('resuming', () => {
  it('goes on at the cursor after a clean end', async () => {
    await stage().opened(line(1, 'one'))
    stage().server.last.close()
    await stage().reconnected()
    expect(stage().server.last.headers['Last-Event-ID']).toBe(id(1))
    stage().server.last.open().send(line(1, 'one') + line(2, 'two'))
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'two'])
  })

  it('goes on for ever when nothing answers', async () => {
    stage().client.start()
    for (let i = 0; i < 20; i++) {
      stage().server.last.fail('refused')
      await stage().reconnected()
    }
    stage().server.last.open().send(line(1, 'one'))
    await settle()
    expect(stage().seen.lines).toEqual(['one'])
  })

  it('drops a cursor that the server does not take, and says so', async () => {
    await stage().opened(line(1, 'one'))
    stage().server.last.close()
    await stage().reconnected()
    stage().server.last.refuse(400, '{"error":"bad cursor"}', { 'Content-Type': 'application/json' })
    await stage().reconnected()
    expect(stage().server.last.headers['Last-Event-ID']).toBeUndefined()
    expect(stage().seen.told).toHaveLength(1)
    expect(stage().seen.told[0]).toContain('starting anew')
    stage().server.last.open().send(line(1, 'one') + line(2, 'two'))
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'two'])
  })

  it('shows a gap, and goes on after its id', async () => {
    await stage().opened(`event: gap\nid: ${id(9, '')}\ndata: {"reason":"trimmed","missed":37}\n\n`)
    expect(stage().seen.told).toEqual(['gap trimmed 37'])
    stage().server.last.close()
    await stage().reconnected()
    expect(stage().server.last.headers['Last-Event-ID']).toBe(id(9, ''))
  })

  it('takes a gap that cannot be read for one of unknown size', async () => {
    await stage().opened('event: gap\ndata: nonsense\n\n')
    expect(stage().seen.told).toEqual(['gap unknown unknown'])
  })

  it('tells how many watch, and takes what cannot be read for nobody', async () => {
    const watch = (data: string) => `event: watch\ndata: ${data}\n\n`
    await stage().opened(watch('{"watchers":2}') + watch('{"watchers":0}') + watch('{"watchers":"x"}') + watch('-'))
    expect(stage().seen.told).toEqual(['watchers 2', 'watchers 0', 'watchers 0', 'watchers 0'])
  })
})

describe('coming back', () => {
  it('knows a line without a place again after a connection that ended with a bare id', async () => {
    await stage().opened(line(1, 'one', '') + 'data: tick\n\n')
    stage().server.last.close()
    await stage().reconnected()
    stage().server.last.open().send(`retry: 3000\n\nid: ${id(1, '')}\n\n`)
    await settle()
    stage().server.last.cut()
    await stage().reconnected()
    stage().server.last.open().send(`retry: 3000\n\n${line(2, 'tick', '')}`)
    await settle()
    expect(stage().seen.lines).toEqual(['one', 'tick'])
  })

  it('finds a dead connection although the clock was set back', async () => {
    await stage().opened(line(1, 'one'))
    const calls = stage().server.calls.length
    await pass(20_000)
    vi.setSystemTime(Date.now() - 3_600_000)
    await pass(10 * 60_000)
    stage().client.wake()
    await pass(60_000)
    expect(stage().server.calls.length).toBeGreaterThan(calls)
  })
})
