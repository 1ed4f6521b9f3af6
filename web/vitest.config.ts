import { defineConfig } from 'vitest/config'

export default defineConfig({
  // A zone of their own keeps tests about the reader's clock alike everywhere.
  test: { include: ['src/**/*.test.ts'], env: { TZ: 'Europe/Zurich' } },
})
