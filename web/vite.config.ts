import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  // Relative addresses let one build work below any base path.
  base: './',
  plugins: [react()],
  build: {
    target: 'es2022',
    // The content policy allows no data: addresses.
    assetsInlineLimit: 0,
    // What is bundled wants its licences to go along.
    license: { fileName: 'licenses.md' },
    modulePreload: { polyfill: false },
    // Sizes in the log would differ between zlib versions and say nothing useful.
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      input: { terminal: 'index.html', login: 'login.html' },
      output: { codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] } },
    },
  },
})
