# bash completion for keyfob

_keyfob()
{
        local commands="init set get del list search generate run lock unlock status passwd slot collection undelete history
                retention wipe rekey log policy check backup restore authenticator passkey key ssh pam enable disable env fido2
                prompt-agent diagnose completion"
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i

        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                -b|--keyring-backend) ((i++)) ;;
                -*) ;;
                *) command=${COMP_WORDS[i]}; break ;;
                esac
        done

        case $prev in
        -b|--keyring-backend)
                COMPREPLY=($(compgen -W "$(keyfob --list-backends 2>/dev/null)" -- "$cur"))
                return ;;
        --password-file|--new-password-file|--key-file|--pin-file|--old-pin-file|--conf|--directory|--stacks)
                COMPREPLY=($(compgen -f -- "$cur"))
                return ;;
        --kind)
                local kinds="password credential none"
                [[ $command != slot ]] || kinds+=" recovery login fido2 tpm2"
                COMPREPLY=($(compgen -W "$kinds" -- "$cur"))
                return ;;
        --always-uv)
                COMPREPLY=($(compgen -W "yes no" -- "$cur"))
                return ;;
        --type)
                local types="ed25519 ecdsa rsa ed25519-sk ecdsa-sk"
                [[ $command != pam ]] || types="es256 eddsa"
                COMPREPLY=($(compgen -W "$types" -- "$cur"))
                return ;;
        --mode)
                COMPREPLY=($(compgen -W "password creds" -- "$cur"))
                return ;;
        --output)
                COMPREPLY=($(compgen -W "plain json" -- "$cur"))
                return ;;
        esac

        local options=--help
        case $command in
        "") options="$commands --help --version --list-backends --keyring-backend" ;;
        init) options+=" --kind --key-file --password-file --password-fd --label --kdf-memory --kdf-passes --kdf-time --json" ;;
        set) options+=" --collection --label --exact --content-type --keyring-backend" ;;
        get) options+=" --mode --output --json --keyring-backend" ;;
        list|search) options+=" --collection --json --keyring-backend" ;;
        generate) options+=" --symbols --charset --set --keyring-backend" ;;
        run) options+=" --env --keyring-backend" ;;
        unlock) options+=" --touch --slot --password-file --password-fd --keyring-backend" ;;
        del|lock) options+=" --keyring-backend" ;;
        status|diagnose) options+=" --json" ;;
        passwd) options+=" --slot --password-file --password-fd --new-password-file --new-password-fd --kdf-memory --kdf-passes --kdf-time" ;;
        slot) options="list add remove test rename --key --verify --rp-id --credential --pin --pcrs --pin-file --pin-fd --kind --key-file --label --collection --password-file --password-fd
                --new-password-file --new-password-fd --kdf-memory --kdf-passes --kdf-time --json --help" ;;
        collection) options="list create delete default --alias --own-password --new-password-file --new-password-fd
                --password-file --password-fd --yes --json --help" ;;
        pam) options="enroll mirror remove rename status test enable disable --add --name --key --origin --user --no-user --type --resident
                --verify --pin --no-touch --unlock --no-unlock --label --conf --install --directory --last --keep-slot --stacks --help" ;;
        history) options+=" --show --restore --json" ;;
        retention) options+=" --days --versions --password-file --password-fd --json" ;;
        wipe) options+=" --all --yes --password-file --password-fd --json" ;;
        undelete) options+=" --collection --json" ;;
        policy) options="list allow ask deny none any sandboxed unknown --item --collection --password-file --password-fd --json --help" ;;
        log) options+=" --item --program --since --limit --json" ;;
        rekey) options+=" --password-file --password-fd --drop --json" ;;
        authenticator) options="info pin finger replug reset set change list add rename delete --pin-file --pin-fd --old-pin-file --old-pin-fd
                --password-file --password-fd --yes --json --help" ;;
        passkey) options="list show rename delete undelete policy --deleted --name --display-name --password-file --password-fd
                --keys --seal --algorithms --always-uv --attestation --enterprise --abandon-sealed --json --help" ;;
        key) options="list info pin passkey finger blob config reset show rename delete set change add get --key --pin-file
                --pin-fd --old-pin-file --old-pin-fd --name --display-name --always-uv --min-pin-length
                --force-pin-change --enterprise-attestation --yes --json --help" ;;
        ssh) options="list add keep remove undelete policy setup env copy-id --deleted --public --type --bits --comment --confirm --verify
                --hosts --programs --device --application --user --resident --verify-required --no-touch-required --pin-file --pin-fd
                --password-file --password-fd --all --yes --undo --sh --fish --csh --key --json --help" ;;
        backup) options+=" --force --json" ;;
        restore) options+=" --yes --touch --accept --password-file --password-fd --json" ;;
        check) options+=" --accept --forget --json" ;;
        env) options+=" --sh --fish --csh" ;;
        fido2) options+=" --print --sh --fish --csh" ;;
        prompt-agent) options+=" --command" ;;
        completion) options="bash zsh fish --help" ;;
        esac
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
}

complete -F _keyfob keyfob
