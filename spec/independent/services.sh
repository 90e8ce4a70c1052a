# What the services answer, seen with curl; downloads decrypted with openssl. Sourced by rules.sh.

# count TEXT: how often it occurs in the last answer.
count() {
    grep -oF -- "$1" "$work/body" | wc -l
}

# equal NAME WANTED GOT
equal() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "wanted \"$2\", got \"$3\""
    fi
}

# call METHOD PATH [JSON]: with the three headers of the contract in use.
call() {
    local method=$1 path=$2
    shift 2
    [ $# -eq 0 ] || set -- -H "Content-Type: application/json" --data-binary "$1"
    http "$method" "$base_url$path" -H "Authorization: Bearer $token" \
        -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord" "$@"
}

# faktura ID PERSON PARENT_FIELD [TITLE]: a message of 2018.
faktura() {
    printf '{"id":"%s","innloggingsniva":4,"eksponertFor":"%s","fiksOrganisasjon":{"id":"%s",
        "visningsnavn":"Storevik kommune"},"enhet":{"id":"OKONOMI","visningsnavn":"Økonomi"},
        "typeMetadata":{"type":"faktura","tittel":"%s","fakturaDato":1527140551605,
        "forfallDato":1529732551605,"%s":{"id":"5a000000-0000-4000-8000-000000000001",
        "type":"sakmappe"}}}' "$1" "$2" "$kommune_org" "${4:-Kommunale avgifter}" "$3"
}

# dialect NAME PATH DELETE_PATH PARENT RESULTS CODE DELETED
dialect() {
    local name="meldingsboks $1" path=$2 delete_path=$3 parent=$4 one two three
    one=$(uuid) two=$(uuid) three=$(uuid)
    admin POST /meldingsfeil "{\"meldingId\":\"$two\"}"
    admin POST /reservasjoner '{"eksponertFor":"17858404657"}'
    call PUT "$path" "[$(faktura "$one" 01816236955 "$parent"),$(faktura "$two" 01816236955 \
        "$parent"),$(faktura "$three" 17858404657 "$parent")]"
    expect "$name: a partly failing batch" 200 "\"$5\":"
    equal "$name: one OK, one FAILED, one GDPR_RESERVED" "1 1 1" \
        "$(count "\"$6\":\"OK\"") $(count "\"$6\":\"FAILED\"") $(count "\"$6\":\"GDPR_RESERVED\"")"
    admin GET "/meldinger?integrasjonId=$integrasjon"
    equal "$name: the good one is stored, and only that" "1 1" \
        "$(count '"meldingId":') $(count "\"meldingId\":\"$one\"")"

    call PUT "$path" "[$(faktura "$(uuid)" 123 "$parent"),$(faktura "$(uuid)" 01816236955 bestemor)]"
    expect "$name: refused batch" 400 '"felt":"typeMetadata.'"$parent"'"'
    equal "$name: every fault is named" "2 2" "$(count '"meldingId":') $(count '"feilmelding":')"
    call PUT "$path" '[{"id":'
    expect "$name: unreadable JSON" 400
    equal "$name: unreadable JSON, no body" 0 "$(wc -c < "$work/body" | tr -d ' ')"

    call DELETE "$delete_path"
    expect "$name: deletion without organisation" 400 fiksOrganisasjonId
    call DELETE "$delete_path?fiksOrganisasjonId=$kommune_org&enhetId=ANNEN"
    expect "$name: deletion by unit" 200 "\"$7\":0"
    call DELETE "$delete_path?fiksOrganisasjonId=$kommune_org&meldingId=$one"
    expect "$name: deletion by id" 200 "\"$7\":1"
    admin DELETE '/reservasjoner?eksponertFor=17858404657'
}

meldingsboks_services() {
    local base=/meldingindexer/api
    integrasjon "$kommune_orgnr"
    token
    dialect 2018-a $base/indexRequest $base/deleteRequest parent results responseCode deletedMessages
    dialect 2018-b $base/indexRequest $base/slett forelder resultat resultatKode antallSlettet
    dialect 2018-v1 $base/v1/indexRequest $base/v1/slett forelder resultat resultatKode antallSlettet
    call DELETE $base/v1/slettMeg
    expect "meldingsboks: slettMeg is for persons" 403
    too_many "meldingsboks: 5001 messages" $base/indexRequest "" ""
}

# too_many NAME PATH BEFORE AFTER: 5001 elements.
too_many() {
    printf '%s[0%s]%s' "$3" "$(printf ',0%.0s' $(seq 5000))" "$4" > "$work/many"
    http PUT "$base_url$2" -H "Authorization: Bearer $token" -H "IntegrasjonId: $integrasjon" \
        -H "$password_header: $passord" -H "Content-Type: application/json" \
        --data-binary "@$work/many"
    expect "$1" 422
}

# innsyn ID PERSON METADATA [VERSION]
innsyn() {
    printf '{"meldingId":"%s","sikkerhetsniva":4,"eksponertFor":{"identifikatorType":"FODSELSNUMMER",
        "verdi":"%s"},"fiksOrganisasjonId":"%s","versjon":"%s","meldingMetadata":"%s"}' "$1" "$2" \
        "$kommune_org" "${4:-MAPPE_V1}" "$(printf '%s' "$3" | b64)"
}

innsyn_services() {
    local path=/innsyn-index/api/v2/indexRequest one two three mappe
    mappe='{"type":"BYGGESAK","tittel":"Påbygg på Øvre Ærfuglveien 12"}'
    integrasjon "$kommune_orgnr"
    token
    one=$(uuid) two=$(uuid) three=$(uuid)
    admin POST /reservasjoner '{"eksponertFor":"17858404657"}'
    call PUT $path "{\"meldinger\":[$(innsyn "$one" 01816236955 "$mappe"),$(innsyn "$two" \
        17858404657 "$mappe")]}"
    expect "innsyn v2: counts" 200 '"opprettet":1'
    equal "innsyn v2: without consent, by id" "1 1" \
        "$(count '"manglerSamtykke":1') $(count "\"meldingerUtenSamtykke\":[\"$two\"]")"
    call PUT $path "{\"meldinger\":[$(innsyn "$one" 01816236955 "$mappe")]}"
    expect "innsyn v2: the same id again is an update" 200 '"oppdatert":1'
    admin DELETE '/reservasjoner?eksponertFor=17858404657'

    call PUT $path "{\"meldinger\":[$(innsyn "$three" 01816236955 "$mappe"),$(innsyn "$two" \
        01816236955 '{"type":"SAK"}')]}"
    expect "innsyn v2: one bad message refuses the batch" 400 "\"errorJson\":{"
    equal "innsyn v2: the refusal names it, and its field" "1 1" \
        "$(count "\"meldingId\":\"$two\"") $(count '"felt":"meldingMetadata.tittel"')"
    admin GET "/meldinger?meldingId=$three"
    expect "innsyn v2: and nothing of it is stored" 200 "[]"
    admin POST /meldingsfeil "{\"meldingId\":\"$two\",\"feilmelding\":\"feil kontrollsiffer\"}"
    call PUT $path "{\"meldinger\":[$(innsyn "$three" 01816236955 "$mappe"),$(innsyn "$two" \
        01816236955 "$mappe")]}"
    expect "innsyn v2: one ordered to fail refuses the batch" 400 'feil kontrollsiffer'
    equal "innsyn v2: the refusal names that one" "1 0" \
        "$(count "\"meldingId\":\"$two\"") $(count "$three")"
    admin GET "/meldinger?meldingId=$three"
    expect "innsyn v2: and nothing of that batch is stored" 200 "[]"
    admin DELETE "/meldingsfeil?meldingId=$two"
    call PUT $path "{\"meldinger\":[$(innsyn "$one" 01816236955 '{}' FORSENDELSE_V1)]}"
    expect "innsyn v2: no forsendelse" 400 versjon
    call PUT $path '{"meldinger":'
    expect "innsyn v2: unreadable JSON" 400
    call PUT $path '{"meldinger":[]}'
    expect "innsyn v2: empty batch" 400
    too_many "innsyn v2: 5001 messages" $path '{"meldinger":' '}'

    call PUT /innsyn-index/api/v1/indexRequest "[{\"meldingId\":\"$three\",\"sikkerhetsniva\":3,
        \"eksponertFor\":{\"identifikatorType\":\"FODSELSNUMMER\",\"verdi\":\"01816236955\"},
        \"fiksOrganisasjonId\":\"$kommune_org\",\"meldingMetadata\":{\"versjon\":\"skjemakladdV1\",
        \"tittel\":\"Utkast\",\"endretDato\":1514764800000,\"url\":\"https://eksempel.no/1\"}}]"
    expect "innsyn v1: counts" 200 '"opprettet":1'
    call POST /innsyn-index/api/v1/delete/slettByMeldingId "{\"meldinger\":[{\"fiksOrgId\":
        \"$kommune_org\",\"meldingId\":\"$three\",\"meldingType\":\"skjemakladd\"}]}"
    expect "innsyn: slettByMeldingId" 200 '"antallSlettet":1'
    call POST /innsyn-index/api/v1/delete/slettByMeldingId "{\"meldinger\":[{\"fiksOrgId\":
        \"$kommune_org\",\"meldingId\":\"$three\"}]}"
    expect "innsyn: slettByMeldingId needs the type" 400 meldingType
    call DELETE "/innsyn-index/api/v1/delete/slett?fiksOrganisasjonId=$kommune_org"
    expect "innsyn: slett" 202 '"antallSlettet":1'
    call DELETE "/innsyn-index/api/v1/delete/slett"
    expect "innsyn: slett needs the organisation" 400
}

# A receiver of our own, so that nobody else's list is touched: $system, $user.
receiver() {
    local certificate
    certificate=$(sed 's/$/\\n/' "$(field svarinn certificate_file)" | tr -d '\n')
    admin POST /mottakersystemer "{\"organisasjonsnummer\":\"$kommune_orgnr\",
        \"navn\":\"Uavhengig\",\"sertifikat\":\"$certificate\"}"
    system=$(member mottakersystemId)
    user=$(member brukernavn):$(member passord)
}

# svarinn METHOD PATH [curl options]: as that receiver.
svarinn() {
    local method=$1 path=$2
    shift 2
    http "$method" "$base_url$path" -u "$user" "$@"
}

# forsendelse [MEMBERS]: puts one with two files into the list; its id in $forsendelse.
forsendelse() {
    printf 'Søknad, blåbær' > "$work/one"
    printf 'vedlegg' > "$work/two"
    admin POST "/mottakersystemer/$system/forsendelser" "{\"tittel\":
        \"Søknad\",\"niva\":\"4\"${1:-},\"filer\":[
        {\"filnavn\":\"søknad.txt\",\"mimeType\":\"text/plain\",\"innhold\":\"$(b64 < "$work/one")\"},
        {\"filnavn\":\"vedlegg.bin\",\"mimeType\":\"application/octet-stream\",
        \"innhold\":\"$(b64 < "$work/two")\"}]}"
    forsendelse=$(member id)
}

# check_download NAME PATH
check_download() {
    svarinn GET "$2" -D "$work/headers"
    expect "$1: download" 200
    equal "$1: the headers describe the plaintext" "1 1" \
        "$(grep -ci '^content-type: application/zip' "$work/headers") $(grep -ci \
            '^content-disposition: attachment; filename="dokumenter.zip"' "$work/headers")"
    if openssl cms -decrypt -binary -inform DER -in "$work/body" -inkey \
        "$(field svarinn key_file)" -out "$work/plain.zip" 2>"$work/openssl.err"; then
        ok "$1: openssl decrypts it"
    else
        not_ok "$1: openssl decrypts it" "$(head -1 "$work/openssl.err")"
        return
    fi
    if ! command -v unzip >/dev/null; then
        skipped=$((skipped + 1))
        echo "# skipped: $1: contents of the zip (no unzip here)"
        return
    fi
    equal "$1: the zip holds the files" "$(cat "$work/one" "$work/two")" \
        "$(unzip -p "$work/plain.zip" 2>&1)"
    equal "$1: under their names, in UTF-8" "2 2" "$(grep -aoF 'søknad.txt' "$work/plain.zip" \
        | wc -l) $(grep -aoF 'vedlegg.bin' "$work/plain.zip" | wc -l)"
    equal "$1: with data descriptors and UTF-8 names" "504b03041400 0808 0800" \
        "$(head -c 10 "$work/plain.zip" | basenc --base16 -w 0 | tr 'A-F' 'a-f' \
            | sed 's/^\(.\{12\}\)\(.\{4\}\)/\1 \2 /')"
}

svarinn_services() {
    local v1=/tjenester/svarinn v2=/api/svarinn/v2/forsendelser
    receiver
    forsendelse
    svarinn GET $v1/mottaker/hentNyeForsendelser
    expect "svarinn v1: list" 200 "\"id\":\"$forsendelse\""
    equal "svarinn v1: hash and size of the files" "1 1" \
        "$(count "$(sha256sum < "$work/one" | cut -c1-64)") $(count '"size":7')"
    check_download "svarinn v1" "$v1/forsendelse/$forsendelse"
    svarinn POST "$v1/mottakFeilet/forsendelse/$forsendelse" -H "Content-Type: application/json" \
        --data-binary '{"feilmelding":"Feil sjekksum","permanent":false}'
    expect "svarinn v1: mottakFeilet" 200
    svarinn GET $v1/mottaker/hentNyeForsendelser
    expect "svarinn v1: not permanent, stays in the list" 200 "$forsendelse"
    svarinn POST "$v1/mottakFeilet/forsendelse/$forsendelse" -H "Content-Type: application/json" \
        --data-binary '{"feilmelding":"uten permanent"}'
    expect "svarinn v1: mottakFeilet needs permanent" 400
    svarinn POST "$v1/kvitterMottak/forsendelse/$forsendelse"
    expect "svarinn v1: kvitterMottak" 200
    svarinn GET $v1/mottaker/hentNyeForsendelser
    expect "svarinn v1: acknowledged, out of the list" 200 "[]"

    forsendelse
    svarinn GET $v2
    expect "svarinn v2: list" 200 '"sikkerhetsniva":"HOYESTE"'
    check_download "svarinn v2" "$v2/$forsendelse"
    svarinn PATCH "$v2/$forsendelse/status" -H "Content-Type: application/json" \
        --data-binary '{"status":"FEILET"}'
    expect "svarinn v2: FEILET needs feil" 400
    svarinn PATCH "$v2/$forsendelse/status" -H "Content-Type: application/json" \
        --data-binary '{"status":"FEILET","feil":{"feilmelding":"Ukjent type","permanent":true}}'
    expect "svarinn v2: FEILET, permanent" 200
    svarinn GET $v2
    expect "svarinn v2: permanent, out of the list" 200 "[]"
    forsendelse
    svarinn PATCH "$v2/$forsendelse/status" -H "Content-Type: application/json" \
        --data-binary '{"status":"MOTTATT"}'
    expect "svarinn v2: MOTTATT" 200
    svarinn GET "$v2/$(uuid)"
    expect "svarinn: unknown forsendelse" 404

    forsendelse ',"antall":201'
    svarinn GET $v2
    equal "svarinn: at most 200 in the list" 200 "$(count '"nedlastingslenke"')"
    admin GET "/mottakersystemer/$system/forsendelser"
    equal "svarinn: what became of them" "201 2 1" \
        "$(count '"KLAR"') $(count '"MOTTATT"') $(count '"FEILET"')"
}

fiksio_services() {
    local from to id
    from=$(field avsender konto_id)
    to=$(field mottaker konto_id)
    integrasjon "$kommune_orgnr"
    admin POST "/integrasjoner/$integrasjon/privilegier" \
        "{\"tjeneste\":\"fiks-io\",\"kontoId\":\"$from\"}"
    token
    printf 'En sak fra Åsgård' > "$work/sak"
    openssl cms -encrypt -binary -aes256 -outform DER -in "$work/sak" -out "$work/sak.cms" \
        -recip "$(field mottaker certificate_file)" -keyopt rsa_padding_mode:oaep \
        -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256
    http POST "$base_url/svarinn2/api/v1/send" -H "Authorization: Bearer $token" \
        -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord" \
        -F "metadata={\"avsenderKontoId\":\"$from\",\"mottakerKontoId\":\"$to\",
            \"meldingType\":\"no.eksempel.sak\",\"ttl\":172800000};type=application/json" \
        -F "data=@$work/sak.cms;filename=$(uuid);type=application/octet-stream"
    expect "fiks-io: send with data" 202 '"ttl":172800000'
    id=$(member meldingId)
    admin GET "/fiksio/meldinger/$id/data"
    openssl cms -decrypt -binary -inform DER -in "$work/body" -inkey "$(field mottaker key_file)" \
        -out "$work/sak.out" 2>/dev/null
    equal "fiks-io: the receiver can read it" "$(cat "$work/sak")" "$(cat "$work/sak.out")"
    http POST "$base_url/fiks-io/api/v1/send" -H "Authorization: Bearer $token" \
        -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord" -F "data=@$work/sak.cms"
    expect "fiks-io: metadata comes first" 400 metadata
    http GET "$base_url/fiks-io/katalog/api/v1/kontoer/$to/status" -H "Authorization: Bearer $token" \
        -H "IntegrasjonId: $integrasjon" -H "$password_header: $passord"
    expect "fiks-io katalog: status" 200 '"gyldigMottaker":true'
}

fault_services() {
    local path=/fiks-io/katalog/api/v1/kontoer/$(uuid)/offentligNokkel
    admin POST /feil "{\"sti\":\"$path\",\"antall\":2,\"status\":503,\"retryAfter\":7,
        \"kropp\":\"vedlikehold\",\"contentType\":\"text/plain\"}"
    http GET "$base_url$path" -D "$work/headers"
    expect "faults: ordered answer" 503 vedlikehold
    equal "faults: Retry-After" 1 "$(grep -ci '^retry-after: 7' "$work/headers")"
    http GET "$base_url$path"
    expect "faults: the second" 503
    http GET "$base_url$path"
    expect "faults: then the real answer" 404
    admin POST /feil "{\"sti\":\"/fiks-io/*\",\"kutt\":true}"
    http GET "$base_url$path"
    case $status in
        curl:*) ok "faults: connection closed without an answer" ;;
        *) not_ok "faults: connection closed without an answer" "status $status" ;;
    esac
    admin GET "/kall?sti=$path"
    equal "calls are on record" 4 "$(count '"metode":"GET"')"
}
