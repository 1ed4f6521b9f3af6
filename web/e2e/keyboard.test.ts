import type { Locator, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { openStage } from './stage.ts'

// More stops than either page has.
const mostStops = 25

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, element: Locator): Promise<void> {
  for (let i = 0; i < mostStops; i++) {
    if (await element.evaluate((found) => found === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not lead to ${String(element)}`)
}

test('everything works with the keyboard alone', async () => {
  const stage = await openStage()
  const tab = await stage.tab()
  const { page } = tab
  await tab.open()
  await tab.atLogin()
  // The name has the focus from the start.
  await page.keyboard.type('alice')
  await tabTo(page, page.getByRole('textbox', { name: 'Password' }))
  await page.keyboard.type(stage.accounts.password('alice'))
  await page.keyboard.press('Enter')
  await tab.reaches('connected')
  await stage.publish({ user: 'alice', count: 200 })
  await tab.draws(/line 200\b/)

  const terminal = page.getByRole('region', { name: 'Log terminal' })
  await tabTo(page, terminal)
  await page.keyboard.press('PageUp')
  await tab.follows(false)
  await stage.publish({ user: 'alice', first: 201, count: 3 })
  const resume = page.getByRole('button', { name: '3 new lines' })
  await resume.waitFor()
  await tabTo(page, resume)
  await page.keyboard.press('Enter')
  await tab.draws(/line 203\b/)
  await tab.follows(true)

  const latest = page.getByRole('region', { name: 'Latest lines as text' })
  await tabTo(page, latest)
  await expect.poll(() => latest.getByText('line 203').isVisible()).toBe(true)

  await tabTo(page, page.getByRole('button', { name: 'Sign out' }))
  await page.keyboard.press('Enter')
  await tab.atLogin()
})

test('every stop of the keyboard has a name', async () => {
  const stage = await openStage({ users: { olga: 'operator' } })
  const tab = await stage.reader('olga')
  await tab.page.getByRole('button', { name: 'Sign out' }).waitFor()
  const tree = await tab.page.locator('body').ariaSnapshot()
  for (const named of [
    'link "Skip to the latest lines as text"',
    'heading "Loglane" [level=1]',
    'navigation "Channels"',
    'link "Global"',
    'button "Save lines"',
    'button "Keys"',
    'button "Sign out"',
    'region "Log terminal"',
    'region "Latest lines as text"',
    'status',
  ]) {
    expect(tree).toContain(named)
  }
  expect(tree, 'a control without a name').not.toMatch(/- (button|link|textbox|region)(:|$)/m)

  await tab.signOut()
  await tab.atLogin()
  const login = await tab.page.locator('body').ariaSnapshot()
  for (const named of ['textbox "Name"', 'textbox "Password"', 'button "Sign in"']) {
    expect(login).toContain(named)
  }
})
