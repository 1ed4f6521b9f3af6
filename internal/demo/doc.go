// Package demo is a little web shop that logs: what `loglane demo` serves beside the
// gateway, so that a signed-in user has lines of their own to watch.
//
// [New] makes a [Shop], [Shop.Handler] serves its pages below a base path, and
// [Shop.Run] sends shoppers through it. Each request logs through log/slog with the
// user in its context (logship.WithUser); the rest is what a shop is: products, a stock,
// carts, a payment provider with moods, orders. All of it is in memory, and gone with
// the process.
package demo
