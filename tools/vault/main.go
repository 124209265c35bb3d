// A Vault server and command line for the tests: what HashiCorp ships, made from its own module.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:]))
}
