// Package app makes a gateway out of the rooms: it has the settings, each told once, the
// wiring, and the order in which things start and stop.
//
//	gateway, err := app.New(settings, nil) // validates all, starts nothing that Stop does not end
//	if err != nil {
//		return err
//	}
//	return gateway.Run(ctx, context.Background()) // serves until ctx ends, then drains
//
// Several gateways may live in one process. The gateway's own log lines go to the
// logger of [Options] and never into a channel.
package app
