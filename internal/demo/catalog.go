package demo

import "fmt"

// Cents is an amount of money.
type Cents int

// String returns the amount as it is shown, such as "€12.50".
func (c Cents) String() string { return fmt.Sprintf("€%d.%02d", c/100, c%100) }

// A product is what the shop sells. Icon is the path of a drawing of 24 by 24.
type product struct {
	ID, Name, Text string
	Price          Cents
	Icon           string
}

var catalog = []product{
	{"mug", "Enamel mug", "Survives falls, camp fires and dishwashers.", 1250,
		"M4 7h12v10a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V7Zm12 2h2a3 3 0 0 1 0 7h-2"},
	{"notebook", "Dot notebook", "160 pages that lie flat, for plans and regrets.", 990,
		"M6 3h12v18H6V3Zm3 0v18M3 7h4M3 12h4M3 17h4"},
	{"lamp", "Desk lamp", "Warm light on one arm, and it stays where you put it.", 4900,
		"M8 21h10M13 21v-6M13 15 7 9M5 11l6-6 2 2-6 6-2-2Z"},
	{"kettle", "Travel kettle", "Half a litre of hot water anywhere with a socket.", 3450,
		"M7 9h9l2 11H5L7 9Zm1 0a4 4 0 0 1 7 0M18 12h3l-2 4M11 5V3"},
	{"backpack", "Day backpack", "18 litres, two bottles, one laptop, no dangling straps.", 7800,
		"M6 21V10a6 6 0 0 1 12 0v11H6Zm3-17a3 3 0 0 1 6 0M9 14h6v4H9v-4Z"},
	{"clock", "Quiet clock", "Tells the time and nothing else, without a tick.", 2900,
		"M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4v5l3 3"},
	{"plant", "Patient plant", "Forgives two weeks without water.", 1800,
		"M8 21h8l1-6H7l1 6Zm4-6V8m0 3c-4 0-6-2-6-6 4 0 6 2 6 6Zm0-2c0-3 2-5 5-5 0 3-2 5-5 5Z"},
	{"cable", "Very long cable", "Five metres of USB-C, for sofas far from walls.", 1590,
		"M5 3v5a3 3 0 0 0 6 0m0 0v8a3 3 0 0 0 6 0v-3m-2-5h4v5h-4V8ZM3 3h4"},
}

func productByID(id string) (product, bool) {
	for _, p := range catalog {
		if p.ID == id {
			return p, true
		}
	}
	return product{}, false
}
