// Package web holds the built browser pages: the terminal and the login form.
//
// The pages are built from the TypeScript beside this file (npm ci && npm run build)
// and committed, so that Go work needs no Node:
//
//	pages := web.Files()
//	index, err := fs.ReadFile(pages, "index.html")
//
// Assets are referred to by relative addresses and work below any base path. Both
// pages carry empty meta elements (loglane-base, loglane-nonce and, for the login
// form, loglane-login and loglane-csrf) whose content the server writes when it
// serves the page.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built pages, rooted at dist: index.html, login.html and assets/,
// whose names change with their content and so may be cached for good.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // fs.Sub only fails for a malformed name, and this one is fixed
	}
	return sub
}
