# fish completion for keyfob

set -l commands init set get del list search generate run lock unlock status passwd slot collection undelete history retention wipe rekey log policy check \
    backup restore \
    authenticator passkey key ssh pam enable disable env fido2 prompt-agent diagnose completion

complete -c keyfob -f
complete -c keyfob -s h -l help -d 'Show help'
complete -c keyfob -s b -l keyring-backend -x -a '(keyfob --list-backends 2>/dev/null)' -d 'Use another keyring'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -l version -d 'Show the version'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -l list-backends -d 'List keyrings'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -a init -d 'Make the vault'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -a set -d 'Store a password'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -a get -d 'Print a password'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -a del -d 'Delete a password'
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -a "$commands"

complete -c keyfob -n '__fish_seen_subcommand_from init' -l kind -x -a 'password credential none'
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l kind -x -a 'password credential none recovery login fido2 tpm2'
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l pin
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l pcrs -x
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l key -x
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l verify
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l rp-id -x
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l credential -x
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l pin-file -r -F
complete -c keyfob -n '__fish_seen_subcommand_from slot' -l pin-fd -x
complete -c keyfob -n '__fish_seen_subcommand_from unlock' -l touch
complete -c keyfob -n '__fish_seen_subcommand_from unlock' -l slot -x
complete -c keyfob -n '__fish_seen_subcommand_from passwd' -l slot -x
complete -c keyfob -n '__fish_seen_subcommand_from init slot' -l key-file -r -F
complete -c keyfob -n '__fish_seen_subcommand_from init unlock passwd slot collection retention wipe rekey restore authenticator passkey ssh' -l password-file -r -F
complete -c keyfob -n '__fish_seen_subcommand_from init unlock passwd slot collection retention wipe rekey restore authenticator passkey ssh' -l password-fd -x
complete -c keyfob -n '__fish_seen_subcommand_from passwd slot collection' -l new-password-file -r -F
complete -c keyfob -n '__fish_seen_subcommand_from passwd slot collection' -l new-password-fd -x
complete -c keyfob -n '__fish_seen_subcommand_from init passwd slot' -l kdf-memory -x
complete -c keyfob -n '__fish_seen_subcommand_from init passwd slot' -l kdf-passes -x
complete -c keyfob -n '__fish_seen_subcommand_from init passwd slot' -l kdf-time -x
complete -c keyfob -n '__fish_seen_subcommand_from set list search undelete slot' -l collection -x
complete -c keyfob -n '__fish_seen_subcommand_from init set slot' -l label -x
complete -c keyfob -n '__fish_seen_subcommand_from set' -l exact
complete -c keyfob -n '__fish_seen_subcommand_from set' -l content-type -x
complete -c keyfob -n '__fish_seen_subcommand_from get' -l mode -x -a 'password creds'
complete -c keyfob -n '__fish_seen_subcommand_from get' -l output -x -a 'plain json'
complete -c keyfob -n '__fish_seen_subcommand_from get list search status slot collection undelete history retention wipe rekey log policy check backup restore authenticator passkey key ssh diagnose init' -l json
complete -c keyfob -n '__fish_seen_subcommand_from generate' -l symbols
complete -c keyfob -n '__fish_seen_subcommand_from generate' -l charset -x
complete -c keyfob -n '__fish_seen_subcommand_from generate' -l set -x
complete -c keyfob -n '__fish_seen_subcommand_from run' -s e -l env -x
complete -c keyfob -n '__fish_seen_subcommand_from slot' -a 'list add remove test rename'
complete -c keyfob -n '__fish_seen_subcommand_from collection' -a 'list create delete default'
complete -c keyfob -n '__fish_seen_subcommand_from collection' -l alias -x
complete -c keyfob -n '__fish_seen_subcommand_from collection' -l own-password
complete -c keyfob -n '__fish_seen_subcommand_from collection restore wipe authenticator key ssh' -l yes
complete -c keyfob -n '__fish_seen_subcommand_from authenticator' -a 'info pin finger replug reset set change list add rename delete'
complete -c keyfob -n '__fish_seen_subcommand_from authenticator key ssh' -l pin-file -r -F
complete -c keyfob -n '__fish_seen_subcommand_from authenticator key ssh' -l pin-fd -x
complete -c keyfob -n '__fish_seen_subcommand_from authenticator key' -l old-pin-file -r -F
complete -c keyfob -n '__fish_seen_subcommand_from authenticator key' -l old-pin-fd -x
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -a 'list show rename delete undelete policy'
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l keys -x -a 'software tpm'
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l seal -x -a 'none tpm'
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l algorithms -x
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l always-uv -x -a 'yes no'
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l attestation -x -a 'self none certificate'
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l enterprise -x -a 'yes no'
complete -c keyfob -n '__fish_seen_subcommand_from passkey' -l abandon-sealed
complete -c keyfob -n '__fish_seen_subcommand_from passkey ssh' -l deleted
complete -c keyfob -n '__fish_seen_subcommand_from passkey key' -l name -x
complete -c keyfob -n '__fish_seen_subcommand_from passkey key' -l display-name -x
complete -c keyfob -n '__fish_seen_subcommand_from key' -a 'list info pin passkey finger blob config reset show rename delete set change add get'
complete -c keyfob -n '__fish_seen_subcommand_from key ssh' -l key -x
complete -c keyfob -n '__fish_seen_subcommand_from key' -l always-uv -x -a 'yes no'
complete -c keyfob -n '__fish_seen_subcommand_from key' -l min-pin-length -x
complete -c keyfob -n '__fish_seen_subcommand_from key' -l force-pin-change
complete -c keyfob -n '__fish_seen_subcommand_from key' -l enterprise-attestation
complete -c keyfob -n '__fish_seen_subcommand_from pam' -a 'enroll mirror remove rename status test enable disable'
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l add
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l no-user
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l resident
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l verify
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l pin
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l no-touch
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l unlock
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l no-unlock
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l label -x
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l conf -r -F
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l install
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l key -x -a keyfob
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l origin -x
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l user -x
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l type -x -a 'es256 eddsa'
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l directory -r -F
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l name -x
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l last
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l keep-slot
complete -c keyfob -n '__fish_seen_subcommand_from pam' -l stacks -r -F
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -a 'list add keep remove undelete policy setup env copy-id'
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -s L -l public
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l type -x -a 'ed25519 ecdsa rsa ed25519-sk ecdsa-sk'
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l bits -x
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l comment -x
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l confirm
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l verify
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l hosts -x -a '(__fish_print_hostnames)'
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l programs -x
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l device -x
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l application -x
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l user -x
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l resident
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l verify-required
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l no-touch-required
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l all
complete -c keyfob -n '__fish_seen_subcommand_from ssh' -l undo
complete -c keyfob -n '__fish_seen_subcommand_from rekey' -l drop
complete -c keyfob -n '__fish_seen_subcommand_from backup restore' -F
complete -c keyfob -n '__fish_seen_subcommand_from backup' -l force
complete -c keyfob -n '__fish_seen_subcommand_from history' -l show -x
complete -c keyfob -n '__fish_seen_subcommand_from history' -l restore -x
complete -c keyfob -n '__fish_seen_subcommand_from retention' -l days -x
complete -c keyfob -n '__fish_seen_subcommand_from retention' -l versions -x
complete -c keyfob -n '__fish_seen_subcommand_from wipe' -l all
complete -c keyfob -n '__fish_seen_subcommand_from restore' -l touch
complete -c keyfob -n '__fish_seen_subcommand_from check restore' -l accept
complete -c keyfob -n '__fish_seen_subcommand_from check' -l forget
complete -c keyfob -n '__fish_seen_subcommand_from env fido2 ssh' -l sh
complete -c keyfob -n '__fish_seen_subcommand_from env fido2 ssh' -l fish
complete -c keyfob -n '__fish_seen_subcommand_from env fido2 ssh' -l csh
complete -c keyfob -n '__fish_seen_subcommand_from fido2' -l print
complete -c keyfob -n '__fish_seen_subcommand_from prompt-agent' -s c -l command -x
complete -c keyfob -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c keyfob -n '__fish_seen_subcommand_from log' -l item -x
complete -c keyfob -n '__fish_seen_subcommand_from log' -l program -x
complete -c keyfob -n '__fish_seen_subcommand_from log' -l since -x
complete -c keyfob -n '__fish_seen_subcommand_from log' -l limit -x
complete -c keyfob -n '__fish_seen_subcommand_from policy' -a 'list allow ask deny none'
complete -c keyfob -n '__fish_seen_subcommand_from policy' -l item -x
complete -c keyfob -n '__fish_seen_subcommand_from policy' -l collection -x
complete -c keyfob -n '__fish_seen_subcommand_from policy' -l password-file -r
complete -c keyfob -n '__fish_seen_subcommand_from policy' -l password-fd -x
