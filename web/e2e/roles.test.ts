import { expect, test } from 'vitest'
import { openStage } from './stage.ts'

const users = { alice: 'viewer', bob: 'viewer', olga: 'operator', ada: 'admin' } as const

test('an operator sees the lines of all users on the global channel, by its link', async () => {
  const stage = await openStage({ users })
  const olga = await stage.reader('olga')
  await stage.publish({ user: 'alice', message: 'of alice' })
  await stage.publish({ user: 'bob', message: 'of bob' })
  await olga.page.getByRole('link', { name: 'Global' }).click()
  await olga.shows('of alice 1')
  await olga.shows('of bob 1')
  expect(await olga.page.getByTestId('channel').innerText()).toBe('global')
  await stage.publish({ user: 'bob', first: 2, message: 'of bob' })
  await olga.shows('of bob 2')
  await olga.page.getByRole('link', { name: 'My lines' }).click()
  await expect.poll(() => olga.page.getByTestId('channel').innerText()).toBe('User.olga')
  await olga.reaches('connected')
  expect(await olga.lines()).toEqual([])
})

test('an admin sees the lines of one user', async () => {
  const stage = await openStage({ users })
  await stage.publish({ user: 'alice', message: 'of alice' })
  await stage.publish({ user: 'bob', message: 'of bob' })
  const ada = await stage.reader('ada', {}, '?user=bob')
  await ada.shows('of bob 1')
  await stage.publish({ user: 'bob', first: 2, message: 'of bob' })
  await ada.shows('of bob 2')
  expect(await ada.lineCount()).toBe(2)
})

test('who may not see a channel is told so, and not whether it exists', async () => {
  const stage = await openStage({ users })
  await stage.publish({ user: 'bob', message: 'of bob' })
  const forbidden = {
    alice: ['?channel=global', '?user=bob', '?channel=User.bob', '?user=nobody'],
    olga: ['?user=bob', '?channel=User.bob', '?user=nobody'],
  }
  for (const [name, paths] of Object.entries(forbidden)) {
    const tab = await stage.reader(name)
    for (const path of paths) {
      await tab.open(path)
      await tab.reaches('forbidden')
      expect(await tab.status.innerText(), path).toContain('You may not see this channel.')
      expect(await tab.lines(), path).toEqual([])
    }
  }
})
