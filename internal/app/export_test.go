package app

// Clash judges ways in, given by the settings that they begin with and their prefixes.
func Clash(shared bool, ways ...[2]string) error {
	var all []minter
	for _, way := range ways {
		all = append(all, minter{way[0], way[1]})
	}
	return clash(all, shared, nil)
}
