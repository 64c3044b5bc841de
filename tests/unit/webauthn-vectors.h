/*
 * Test vectors of registrations and sign-ins: W3C Web Authentication Level 3, section 16 (Candidate Recommendation of
 * 2026-05-26), those of algorithms and formats that are here. Values in hexadecimal.
 *
 * clientDataJSON is put together of what differs: the challenge, in base64url, and what some have in addition. The
 * relying party is "example.org".
 */
#pragma once

#include "authenticator/internal.h"

#define CLIENT_DATA(type, challenge, more)                                                                             \
        "{\"type\":\"webauthn." type "\",\"challenge\":\"" challenge "\",\"origin\":\"https://example.org\","          \
        "\"crossOrigin\":false" more "}"
#define CLIENT_DATA_CREATE(challenge, more) CLIENT_DATA("create", challenge, more)
#define CLIENT_DATA_GET(challenge, more)    CLIENT_DATA("get", challenge, more)
#define EXTRA(random)                                                                                                  \
        ",\"extraData\":\"clientDataJSON may be extended with additional fields in the future, "                       \
        "such as this: " random "\""

typedef struct WebauthnVector {
        const char *name; /* its random values are derived from it */
        int32_t algorithm;
        const char *private_key, *aaguid, *id;
        const char *format; /* of the attestation */
        struct {
                const char *client_data, *object; /* attestationObject */
        } registration;
        struct {
                const char *client_data, *auth_data, *signature;
        } authentication;
} WebauthnVector;

#define LONG_CREDENTIAL_ID                                                                                             \
        "3a761a4e1674ad6c4305869435c0eee9c286172c229bb91b48b4ada140c0863417031305cce5b4a27a88d7fe728a"                 \
        "5f5a627de771b4b40e77f187980c124f9fe832d7136010436a056cce716680587d23187cf1fc2c62ae86fc3e508e"                 \
        "e9617ffc74fbc10488ec16ec5e9096328669a898709b655e549738c666c1ae6281dc3b5f733c251d3eefb76ee70a"                 \
        "3805ca91bcc18e49c8dc7f63ebcb486ba8c3d6ab52b88ff72c6a5bb47c32f3ee8683a3ddc8abf60870448ec8a21b"                 \
        "5bdcb183c7dead870255575a6df96eb1b6a2a1019780cba9e4887b17ff1164bbbcc10eb0d86ed75984cd3fa34191"                 \
        "03024507dfd9ce8f92c56af7914cb0bb50b87ba82a312bb7dcd93028dbdcd6adb266979667158335171e3682d377"                 \
        "55701edbf9d872846a291d49e57ef09da1ec637f5052ed2aa7407f7e61827468e94b461844f4c67be5fa9c6055a5"                 \
        "66f8fdfc29d4bf78a9ff275f552cc68ba543fa3962eea36fd1ea8453764577d021d0a181efc1f6100ab2e4110039"                 \
        "e21ee16970bda7432b6134492155afc126295b3a2eccd12c66a68e340969e995e3e8c9c476e395cfc21203414110"                 \
        "779474f1c9797406637dbe414f132519d3bf0ce4f01734ef0e1a12c3ad604ff15d766b1624db6a5a7ccbff7bc35c"                 \
        "9908df94aba277e0af48f04ff3d16381c47e5a37ed3988a67a3b1ecaa926336b33391fff04128f869991c9fabd90"                 \
        "5b6fe3ceef5f8b630ec1c5d2636d5b1961ad5ca5004170f6f5e482792aad989b0287fe91e5c479403397152f1fa5"                 \
        "6aa79b156eb47e6c8ea3eb175c34cfb38ad8e772874639b1023d4d01395c94e55831671cc022aa6fa1e02a02c2e4"                 \
        "abc776f6960e51f83b71a8c0f207b6a347573977812c9aa5480b0011aa739bd4b76c18c000cc4757cceccb920f00"                 \
        "7c40c00e37e5ab21476cd9f6054a8fffb55a108f5c706e2cea2049d81fd321ff47d2a5761b0800955ab1d4f4889f"                 \
        "55a84e2601c684f17a4ade7453ea49591d0b59c8d9a765052f62219cf6ef4a5dd9539f0617d6ebbebce7c0004554"                 \
        "75d18449e25c49ef9a1e3efe18c09082ebe2058d7c347defaa92f0664553b805c7d76bbfce5f330aca220ac90a78"                 \
        "9380fc479ea0d8793205813cca590a912f699ad52f991a1bc0a503c3ec4b2a696719e3c26591a87127f7305cc7e7"                 \
        "2f4c8e39355ebb06a5b1042990f38710ee7aa612ee4374bb82e878585a70a96c2a6b47f101a4ff154be4fd76a316"                 \
        "7577a5cc54d9167c154c69ac35485e44cc898b719e1be3cc9c0fb5624b8f8a0dae10947a41bf848b6c1bb33d1006"                 \
        "ec077d7e286e3f2a7b4843716390119449fe2721e81a5ed2333d331c7120765da58fadae73c19d9a8c4509cf8ac1"                 \
        "e9d98b799a5274509069739b5823f3fb496663820033426988eefca53e580e0f9e0dfe0992fc2e53a97e053639f9"                 \
        "8577058f995bdbd41cefdb"

static const WebauthnVector webauthn_vectors[] = {
        {
                /* 16.2, no attestation */
                .name = "none.ES256",
                .algorithm = COSE_ES256,
                .private_key = "6e68e7a58484a3264f66b77f5d6dc5bc36a47085b615c9727ab334e8c369c2ee",
                .aaguid = "8446ccb9ab1db374750b2367ff6f3a1f",
                .id = "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4",
                .format = "none",
                .registration.client_data = CLIENT_DATA_CREATE("AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA",
                                                               EXTRA("BkQeDjdcTBrXBiAwJTLE5Q")),
                .registration.object =
                        "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4"
                        "735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2"
                        "fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86"
                        "ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed7"
                        "3290af2e2664796b9220",
                .authentication.client_data = CLIENT_DATA_GET("OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag", ""),
                .authentication.auth_data =
                        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
                .authentication.signature =
                        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93"
                        "538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
        },
        {
                /* 16.3, self attestation */
                .name = "packed-self.ES256",
                .algorithm = COSE_ES256,
                .private_key = "b4bbfa5d68e1693b6ef5a19a0e60ef7ee2cbcac81f7fec7006ac3a21e0c5116a",
                .aaguid = "df850e09db6afbdfab51697791506cfc",
                .id = "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c",
                .format = "packed",
                .registration.client_data = CLIENT_DATA_CREATE("eGnCt3LUtY66k3jPjynibPk1qnffDaifqZwL3Ap29-U",
                                                               EXTRA("U9hTXvKE2URkMnb_0xYHVg")),
                .registration.object =
                        "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf"
                        "378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3"
                        "f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5"
                        "e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6c"
                        "c32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802"
                        "046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484"
                        "f2",
                .authentication.client_data = CLIENT_DATA_GET("RHihCxNSNI3RYME1Ow1Gm12xnrkcJ_ffpv7Tn-Jq8gs",
                                                              EXTRA("gTb53rz6EhSWomXGzimC1Q")),
                .authentication.auth_data =
                        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
                .authentication.signature =
                        "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b3160"
                        "61b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
        },
        {
                /* 16.6, an id of 1023 bytes */
                .name = "none.ES256.long-credential-id",
                .algorithm = COSE_ES256,
                .private_key = "6fd2149bb5f1597fe549b138794bde61893b2dc32ca316de65f04808dac211dc",
                .aaguid = "8f3360c2cd1b0ac14ffe0795c5d2638e",
                .id = LONG_CREDENTIAL_ID,
                .format = "none",
                .registration.client_data = CLIENT_DATA_CREATE("ERPHJlzPXmUSQoL6HXgZp6FMuFOapM2-x0h-XzXY7Gw", ""),
                .registration.object =
                        "a363666d74646e6f6e656761747453746d74a0686175746844617461590483bfabc37432958b063360d3ad6461c9"
                        "c4735ae7f8edd46592a5e0f01452b2e4b549000000008f3360c2cd1b0ac14ffe0795c5d2638e03ff"
                        LONG_CREDENTIAL_ID
                        "a50102032620012158203b8176b7504489cc593046d7988abb7905a742de6ac2cdc748a873c663e90cb122582014"
                        "36d5edc9a75f23999eef9d5950a5c2455514ee1014084720f841a06b828a11",
                .authentication.client_data = CLIENT_DATA_GET("7x3rpW3OSPZ0pEfM9juVmSWM6HZI5cOW8u8ModpGDjs", ""),
                .authentication.auth_data =
                        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
                .authentication.signature =
                        "304502203ecef83fb12a0cae7841055f9f87103a99fd14b424194bbf06c4623d3ee6e3fd022100d2ace346db262b"
                        "1374a6b70faa51f518a42ddca13a4125ce6f5052a75bac9fb6",
        },
        {
                /* 16.8, attested by a certified key */
                .name = "packed.ES384",
                .algorithm = COSE_ES384,
                .private_key =
                        "271e37d309c558c0f35222b37abba7500377d68e179e4c74b0cb558551b2e5276b47b90a317ca8ebbe1a12c93c2d"
                        "5dd9",
                .aaguid = "e950dcda3bdae1d087cda380a897848b",
                .id = "953ae2dd9f28b1a1d5802c83e1f65833bb9769a08de82d812bc27c13fc6f06a9",
                .format = "packed",
                .registration.client_data = CLIENT_DATA_CREATE("VnsDCz4Ya8HRad1Ft5-eDYbx_WNHTaPq3lvbjbN5oMM", ""),
                .registration.object =
                        "a363666d74667061636b65646761747453746d74a363616c67266373696758473045022100c56ecc970b7843833e"
                        "0f461fde26233f61eb395161d481558c08b9c6ed61675b022029f5e05033705cd0f9b0a07e149468ec308a4f8490"
                        "6409efdceb1da20a7518d6637835638159022530820221308201c7a00302010202103d0a5588bb87ebb1d4cee4a1"
                        "807c1b7c300a06082a8648ce3d0403023062311e301c06035504030c15576562417574686e207465737420766563"
                        "746f7273310c300a060355040a0c0357334331253023060355040b0c1c41757468656e74696361746f7220417474"
                        "6573746174696f6e204341310b30090603550406130241413020170d3234303130313030303030305a180f333032"
                        "34303130313030303030305a305f311e301c06035504030c15576562417574686e207465737420766563746f7273"
                        "310c300a060355040a0c0357334331223020060355040b0c1941757468656e74696361746f722041747465737461"
                        "74696f6e310b30090603550406130241413059301306072a8648ce3d020106082a8648ce3d0301070342000417e5"
                        "cc91d676d370e36aa7de40c25aacb45a3845f13d2932088ece2270b9b431241c219c22d0c256c9438ade00f2c05e"
                        "62f8ef906b9b997ae9f3c460c2db66f5a360305e300c0603551d130101ff04023000300e0603551d0f0101ff0404"
                        "03020780301d0603551d0e04160414c7c8dd95382a2230e4c0dd3664338fa908169a9c301f0603551d2304183016"
                        "801445aff715b0dd786741fee996ebc16547a3931b1e300a06082a8648ce3d0403020348003045022054068cc9ae"
                        "038937b7c468c307edb9c6927ffdeb6a20070c483eb40330f99f10022100cf41953919c3c04693d6b1f42a613753"
                        "f204e70e85fc6e9b17036170b83596e068617574684461746158c5bfabc37432958b063360d3ad6461c9c4735ae7"
                        "f8edd46592a5e0f01452b2e4b55900000000e950dcda3bdae1d087cda380a897848b0020953ae2dd9f28b1a1d580"
                        "2c83e1f65833bb9769a08de82d812bc27c13fc6f06a9a5010203382220022158304866bd8b01da789e9eb806e5ea"
                        "b05ae5a638542296ab057a2f1bbce9b58f8a08b9171390b58a37ac7fffc2c5f45857da2258302a0b024c7f4b7207"
                        "2a1f96bd30a7261aae9571dd39870eb29e55c0941c6b08e89629a1ea1216aa64ce57c2807bf3901a",
                .authentication.client_data = CLIENT_DATA_GET("_0HD0l29iWb7YeKO9eRwQeE37SaFIEEtdiAroK0tFFM", ""),
                .authentication.auth_data =
                        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
                .authentication.signature =
                        "3065023100e4efbb46745ed00e67c4d51ab2bacab2af62ffa8b7c5fecec6d7d9bf2582275034a713a3dd731685ee"
                        "e81adfaf6aa63f0230161655353f07e018a3c2539f8de7c8c4cf88d4c32d2be29fe4e76fa096ecc9458bbfe0895d"
                        "57129ab324130e6f0692db",
        },
        {
                /* 16.11, attested by a certified key */
                .name = "packed.EdDSA",
                .algorithm = COSE_EDDSA,
                .private_key = "971f38c0f73aaf0c5a614eb5e26430ae1ea0ed13e4f425d96e9662349340b0b3",
                .aaguid = "d5aa33581e8ca478e20fe713f5d32ff2",
                .id = "ce9f840ed96599580cd140fbc7bb3230633f50f61041aff73308ae71caa8a2bd",
                .format = "packed",
                .registration.client_data = CLIENT_DATA_CREATE("qKv52r3GsN9jRms5vanoo0o04YUzelnxxXmZBnbTs70",
                                                               EXTRA("B_DT5g7ZD_-9OTLYX5IvEQ")),
                .registration.object =
                        "a363666d74667061636b65646761747453746d74a363616c67266373696758483046022100d83f60bd8026953758"
                        "3218858aefb03ac57d45fa06e42feaae332d187f62da9f022100a02bd3cb6f7e1d283c93bad1f3f4b5a4c0494463"
                        "da7fdbf256949116754d1f17637835638159022730820223308201c8a003020102021100b2cfc9ea33c8643b0e1a"
                        "760463eaf164300a06082a8648ce3d0403023062311e301c06035504030c15576562417574686e20746573742076"
                        "6563746f7273310c300a060355040a0c0357334331253023060355040b0c1c41757468656e74696361746f722041"
                        "74746573746174696f6e204341310b30090603550406130241413020170d3234303130313030303030305a180f33"
                        "303234303130313030303030305a305f311e301c06035504030c15576562417574686e207465737420766563746f"
                        "7273310c300a060355040a0c0357334331223020060355040b0c1941757468656e74696361746f72204174746573"
                        "746174696f6e310b30090603550406130241413059301306072a8648ce3d020106082a8648ce3d03010703420004"
                        "dd2b7a564b73b8c0b81c4c62e521925c4d1198ec9f583dbf1eebe364b65cd9c29a9bdf346aaa81fb6b9507e5249a"
                        "52fdaf8e39e26b0b7dc45992a7e233b70f70a360305e300c0603551d130101ff04023000300e0603551d0f0101ff"
                        "040403020780301d0603551d0e041604140ae27546bc7eccb1b4b597bd354f0c0b1f1f8f8e301f0603551d230418"
                        "3016801445aff715b0dd786741fee996ebc16547a3931b1e300a06082a8648ce3d0403020349003046022100a0d4"
                        "34ecb5fc3bfd7da5f41904517ad2836249f561bd834ba7a438a8ab7a4ce8022100fac845bb7a02513b58e9f31965"
                        "4dbe49b0f02b95835bac568c71f8a18cdde9ab6861757468446174615881bfabc37432958b063360d3ad6461c9c4"
                        "735ae7f8edd46592a5e0f01452b2e4b54100000000d5aa33581e8ca478e20fe713f5d32ff20020ce9f840ed96599"
                        "580cd140fbc7bb3230633f50f61041aff73308ae71caa8a2bda401010327200621582044e06ddd331c36a8dc667b"
                        "ab52bcae63486c916aa5e339e6acebaa84934bf832",
                .authentication.client_data = CLIENT_DATA_GET("iVlX4BxjOmmDSKLYoxpUt9sn6MHEOyCA15riGQJnv9I", ""),
                .authentication.auth_data =
                        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
                .authentication.signature =
                        "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fec"
                        "b097d6607525713223a0dc0d453993dae00b",
        },
        {
                /* 16.16, made by U2F */
                .name = "fido-u2f.ES256",
                .algorithm = COSE_ES256,
                .private_key = "51bd002938fa10b83683ac2a2032d0a7338c7f65a90228cfd1f61b81ec7288d0",
                .aaguid = "afb3c2efc054df425013d5c88e79c3c1",
                .id = "a4ba6e2d2cfec43648d7d25c5ed5659bc18f2b781538527ebd492de03256bdf4",
                .format = "fido-u2f",
                .registration.client_data = CLIENT_DATA_CREATE("4HQ3KZC5yqUHoiffxnsAN4DEUyU4DRqQwg-B7X0IDAY", ""),
                .registration.object =
                        "a363666d74686669646f2d7532666761747453746d74a26373696758473045022100f41887a20063bb26867cb975"
                        "1978accea5b81791a68f4f4dd6ea1fb6a5c086c302204e5e00aa3895777e6608f1f375f95450045da3da57a0e4fd"
                        "451df35a31d2d98a637835638159022530820221308201c7a003020102021004f66dc6542ea7719dea416d325a24"
                        "01300a06082a8648ce3d0403023062311e301c06035504030c15576562417574686e207465737420766563746f72"
                        "73310c300a060355040a0c0357334331253023060355040b0c1c41757468656e74696361746f7220417474657374"
                        "6174696f6e204341310b30090603550406130241413020170d3234303130313030303030305a180f333032343031"
                        "30313030303030305a305f311e301c06035504030c15576562417574686e207465737420766563746f7273310c30"
                        "0a060355040a0c0357334331223020060355040b0c1941757468656e74696361746f72204174746573746174696f"
                        "6e310b30090603550406130241413059301306072a8648ce3d020106082a8648ce3d0301070342000456fffa7093"
                        "dede46aefeefb6e520c7ccc78967636e2f92582ba71455f64e93932dff3be4e0d4ef68e3e3b73aa087e26a0a0a30"
                        "b02dc2aa2309db4c3a2fc936dea360305e300c0603551d130101ff04023000300e0603551d0f0101ff0404030207"
                        "80301d0603551d0e04160414420822eb1908b5cd3911017fbcad4641c05e05a3301f0603551d2304183016801445"
                        "aff715b0dd786741fee996ebc16547a3931b1e300a06082a8648ce3d040302034800304502200d0b777f0a0b181a"
                        "d2830275acc3150fd6092430bcd034fd77beb7bdf8c2d546022100d4864edd95daa3927080855df199f1717299b2"
                        "4a5eecefbd017455a9b934d8f668617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd4"
                        "6592a5e0f01452b2e4b54100000000afb3c2efc054df425013d5c88e79c3c10020a4ba6e2d2cfec43648d7d25c5e"
                        "d5659bc18f2b781538527ebd492de03256bdf4a5010203262001215820b0d62de6b30f86f0bac7a9016951391c2e"
                        "31849e2e64661cbd2b13cd7d5508ad225820503b0bda2a357a9a4b34475a28e65b660b4898a9e3e9bbf0820d4349"
                        "4297edd0",
                .authentication.client_data = CLIENT_DATA_GET("-QxhKYHYT1mUON4aUA92km6SzIS--OAsbiNVPwBIVDU", ""),
                .authentication.auth_data =
                        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
                .authentication.signature =
                        "304402206172459958fea907b7292b92f555034bfd884895f287a76200c1ba287239137002204727b166147e26a2"
                        "1bbc2921d192ebfed569b79438538e5c128b5e28e6926dd7",
        },
};
