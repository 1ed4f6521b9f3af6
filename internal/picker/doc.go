// Package picker is the page that a developer signs in to: it redeems the sign-in link of
// a gateway on the own machine, and shows which channels there are, to open one.
//
//	page, err := picker.New(picker.Options{Dev: dev, Broker: broker, Base: "/"})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/dev/", page.Handler())
//
// It is HTML without scripts.
package picker
