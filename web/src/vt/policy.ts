/**
 * Makes xterm work under the page's content policy, which knows no inline styles.
 *
 * xterm adds its style elements without a nonce, and the terminal would be black on
 * black. It also writes 24-bit and contrast-adjusted colours with
 * `setAttribute('style', …)`, which the policy drops, while the same text set through
 * `style.cssText` is allowed.
 */
export function withNonce<T>(nonce: string, open: () => T): T {
  // Only an overload for tags that HTML has dropped is deprecated.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const create = document.createElement.bind(document)
  Object.defineProperty(document, 'createElement', {
    configurable: true,
    value(name: string, options?: ElementCreationOptions): HTMLElement {
      const element = create(name, options)
      if (name === 'style') element.nonce = nonce
      return element
    },
  })
  try {
    return open()
  } finally {
    Reflect.deleteProperty(document, 'createElement')
  }
}

/** Once for the page: spans take a style attribute by way of their style object. */
export function allowSpanStyles(): void {
  const spans = HTMLSpanElement.prototype
  if (Object.hasOwn(spans, 'setAttribute')) return
  Object.defineProperty(spans, 'setAttribute', {
    value(this: HTMLSpanElement, name: string, value: string) {
      if (name === 'style') this.style.cssText = value
      else Element.prototype.setAttribute.call(this, name, value)
    },
  })
}
