import { expect, test } from 'vitest'
import { openStage } from './stage.ts'

const users = { alice: 'viewer', ada: 'admin' } as const

test('whose channel somebody else watches sees and hears so, until they leave', async () => {
  const stage = await openStage({ users, gateway: ['--show-watchers'] })
  const alice = await stage.reader('alice')
  // A screen reader says what comes into an element that was there before.
  const told = alice.page.getByTestId('watchers')
  const place = await told.elementHandle()
  expect(await told.getAttribute('role')).toBe('status')
  expect(await told.innerText()).toBe('')

  const ada = await stage.reader('ada', {}, '?user=alice')
  const words = alice.page.getByRole('status').filter({ hasText: /^An operator is watching$/ })
  await words.waitFor({ state: 'visible' })
  expect(await place.evaluate((element) => element.isConnected && element.textContent)).toBe('An operator is watching')
  expect(await ada.page.getByTestId('watchers').innerText(), 'who watches is not told of themselves').toBe('')

  const other = await stage.tab(ada.page.context())
  await other.open('?user=alice')
  await expect.poll(() => told.innerText()).toBe('2 operators are watching')
  await other.page.close()
  await words.waitFor()

  // A page that is opened while somebody watches is told so as well.
  await alice.page.reload()
  await words.waitFor()
  await ada.page.close()
  await expect.poll(() => told.innerText()).toBe('')
  await alice.reaches('connected')
})

test('without the setting nobody is told', async () => {
  const stage = await openStage({ users })
  const alice = await stage.reader('alice')
  const ada = await stage.reader('ada', {}, '?user=alice')
  await stage.publish({ user: 'alice', message: 'after' })
  await ada.shows('after')
  await alice.shows('after')
  expect(await alice.page.getByTestId('watchers').innerText()).toBe('')
})
