import { defineConfig } from 'vite';

// `npm run dev` shows the page of this source on the data of a running gateway: FOG_URL, default port 8080.
const gateway = process.env.FOG_URL || 'http://127.0.0.1:8080';
const proxy = Object.fromEntries(
  ['/api', '/metrics', '/livez', '/readyz', '/healthz'].map((path) => [path, {
    target: gateway,
    changeOrigin: true,
    headers: { origin: gateway }, // the gateway answers its own page only
  }]),
);

// Everything relative and hashed: the box serves it from any folder and caches it for ever.
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: ['chrome111', 'edge111', 'safari16.4', 'firefox128'],
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  server: { proxy },
  preview: { proxy },
});
