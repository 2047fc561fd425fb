from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from registry.blobs import entry_of
from registry.errors import ZooError
from registry.signatures import check, check_any, fingerprint, revision_signed, sign


def write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> Path:
    """Write a key as `openssl ecparam -genkey` does, and the public one beside it."""
    hidden = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    path.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.TraditionalOpenSSL, hidden))
    public = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path / "team.pem", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def public(key: Path) -> Path:
    return key.with_suffix(".pub")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with a hidden file, one that git would ignore, an empty one and a link."""
    made = tmp_path / "model"
    contents = {"zoo.json": b"{}", "model.keras": b"weights", "sub/deep/w.npz": b"numbers", ".gitattributes": b"a",
                ".git/config": b"b", ".hidden": b"c", "empty.txt": b""}  # fmt: skip
    for path, content in contents.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(content)
    (tmp_path / "elsewhere").write_bytes(b"linked")
    (made / "linked.txt").symlink_to(tmp_path / "elsewhere")
    return made


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_sign_and_check(folder: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    key = write_key(tmp_path / "k.pem", ec.generate_private_key(curve))
    signature = sign(folder, key)
    check(folder, signature, key.with_suffix(".pub"))
    assert revision_signed(signature) == entry_of(folder, "zoo.json").sha256
    (folder / "model.sig").write_bytes(signature)  # where it travels
    check(folder, signature, key.with_suffix(".pub"))


def test_links_are_signed_as_what_they_show(folder: Path, key: Path, public: Path) -> None:
    signature = sign(folder, key)
    (folder / "linked.txt").unlink()
    (folder / "linked.txt").write_bytes(b"linked")
    check(folder, signature, public)


def test_every_file_is_covered(folder: Path, key: Path, public: Path) -> None:
    signature = sign(folder, key)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert len(paths) == 8
    for path in paths:
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        path.write_bytes(content + b"x")
        with pytest.raises(ZooError) as caught:
            check(folder, signature, public)
        assert caught.value.message == f"this is not what was signed: changed: {name}"
        path.write_bytes(content)
        away = path.rename(folder.parent / "away")
        with pytest.raises(ZooError, match=f"missing: {name}"):
            check(folder, signature, public)
        away.rename(path)
    check(folder, signature, public)


@pytest.mark.parametrize("name", ["extra.txt", ".gitignore", ".github/x", "sub/model.sig", ".git/hooks/post-merge"])
def test_an_unsigned_file(folder: Path, key: Path, public: Path, name: str) -> None:
    signature = sign(folder, key)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(ZooError) as caught:
        check(folder, signature, public)
    assert caught.value.message == f"this is not what was signed: not signed: {name}"


def test_what_the_signer_ignored_is_not_signed(folder: Path, key: Path, public: Path, tmp_path: Path) -> None:
    from model_signing import signing

    (folder / "linked.txt").unlink()
    config = signing.Config()  # type: ignore[no-untyped-call]
    config.use_elliptic_key_signer(private_key=key).sign(folder, tmp_path / "model.sig")
    with pytest.raises(ZooError, match=r"not signed: \.git/config, \.gitattributes"):
        check(folder, (tmp_path / "model.sig").read_bytes(), public)


def test_model_signings_own_program_agrees(folder: Path, key: Path, public: Path, tmp_path: Path) -> None:
    for path in (folder / "linked.txt", folder / ".gitattributes", folder / ".git/config"):
        path.unlink()  # the program's own defaults pass over these
    (tmp_path / "model.sig").write_bytes(sign(folder, key))
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(folder), "--signature",
               str(tmp_path / "model.sig"), "--public_key", str(public)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_another_key(folder: Path, key: Path, public: Path, tmp_path: Path) -> None:
    signature = sign(folder, key)
    other = write_key(tmp_path / "other.pem", ec.generate_private_key(ec.SECP256R1())).with_suffix(".pub")
    with pytest.raises(ZooError) as caught:
        check(folder, signature, other)
    assert caught.value.message == (
        f"this was not signed with {other}: expected the key {fingerprint(other)}, got {fingerprint(public)}"
    )
    assert check_any(folder, signature, [other, public], "hf://a/b") == public
    with pytest.raises(ZooError) as caught:
        check_any(folder, signature, [other], "hf://a/b")
    assert caught.value.message == (
        f"hf://a/b was signed with the key {fingerprint(public)}; expected {fingerprint(other)} ({other})"
    )
    with pytest.raises(ZooError, match=r"hf://a/b is not signed: it has no model\.sig"):
        check_any(folder, None, [public], "hf://a/b")


def test_a_hint_does_not_make_a_key(folder: Path, key: Path, public: Path, tmp_path: Path) -> None:
    other = write_key(tmp_path / "other.pem", ec.generate_private_key(ec.SECP256R1()))
    forged, true = json.loads(sign(folder, other)), json.loads(sign(folder, key))
    forged["verificationMaterial"] = true["verificationMaterial"]
    with pytest.raises(ZooError, match=r"model\.sig is damaged: it was changed after it was made"):
        check(folder, json.dumps(forged).encode(), public)


def changed_statement(bundle: dict[str, object]) -> dict[str, object]:
    envelope = dict(bundle["dsseEnvelope"])  # type: ignore[call-overload]
    statement = base64.b64decode(envelope["payload"]).replace(b"empty.txt", b"emptz.txt")
    return bundle | {"dsseEnvelope": envelope | {"payload": base64.b64encode(statement).decode()}}


def other_method(bundle: dict[str, object]) -> dict[str, object]:
    envelope = dict(bundle["dsseEnvelope"])  # type: ignore[call-overload]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["serialization"] |= {"method": "shards"}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return bundle | {"dsseEnvelope": envelope | {"payload": payload}}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda bundle: {}, "model.sig is damaged: Object missing required field `mediaType`"),
        (lambda bundle: bundle | {"dsseEnvelope": None}, "Expected `object`, got `null` - at `$.dsseEnvelope`"),
        (lambda bundle: bundle | {"verificationMaterial": {"publicKey": {}}}, "missing required field `hint`"),
        (
            lambda bundle: bundle | {"mediaType": "text/plain"},
            "damaged: Invalid enum value 'text/plain' - at `$.mediaType`",
        ),
        (changed_statement, "model.sig is damaged: it was changed after it was made"),
        (other_method, "model.sig signs shards by sha256; expected files by sha256"),
    ],
)
def test_damaged_bundles(
    folder: Path, key: Path, public: Path, damage: Callable[[dict[str, object]], object], message: str
) -> None:
    bundle = json.dumps(damage(json.loads(sign(folder, key)))).encode()
    with pytest.raises(ZooError) as caught:
        check(folder, bundle, public)
    assert message in caught.value.message


@pytest.mark.parametrize("bundle", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (16 * 2**20 + 1)])
def test_no_bundle_at_all(folder: Path, public: Path, bundle: bytes) -> None:
    with pytest.raises(ZooError, match=r"model\.sig is damaged"):
        check(folder, bundle, public)
    assert revision_signed(bundle) is None


def test_flipped_bits(folder: Path, key: Path, public: Path) -> None:
    signature = sign(folder, key)
    envelope = signature.index(b'"payload"')
    for place in range(envelope + 15, len(signature) - 10, 97):
        flipped = bytearray(signature)
        flipped[place] ^= 1
        with pytest.raises(ZooError):
            check(folder, bytes(flipped), public)


def test_a_second_envelope_is_not_believed(folder: Path, key: Path, public: Path) -> None:
    """Who verifies must see what was read: of two spellings of one field, only the bundle's own counts."""
    bundle = json.loads(sign(folder, key))
    (folder / "extra.txt").write_text("")
    forged = changed_statement(bundle)["dsseEnvelope"]
    for document in (bundle | {"dsse_envelope": forged}, {**bundle, "dsseEnvelope": forged, "dsse_envelope": bundle}):
        with pytest.raises(ZooError):
            check(folder, json.dumps(document).encode(), public)


def encrypted(path: Path) -> Path:
    return write_key(path, ec.generate_private_key(ec.SECP256R1()), b"secret")


def of_rsa(path: Path) -> Path:
    return write_key(path, rsa.generate_private_key(65537, 2048))


def of_bitcoin(path: Path) -> Path:
    return write_key(path, ec.generate_private_key(ec.SECP256K1()))


def of_edwards(path: Path) -> Path:
    key = ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()))
    public = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path


def garbage(path: Path) -> Path:
    path.write_bytes(b"\x00\xff no key")
    path.with_suffix(".pub").write_bytes(b"\x00\xff no key")
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "cannot read the key {path}: No such file or directory"),
        (garbage, "{path} is no private key: expected a PEM file"),
        (encrypted, "the key {path} is encrypted, expected one without a password"),
        (of_rsa, "the key {path} is of the kind RSAPrivateKey, expected one of secp256r1, secp384r1, secp521r1"),
        (of_bitcoin, "the key {path} is of the kind secp256k1, expected one of"),
        (of_edwards, "the key {path} is of the kind Ed25519PrivateKey"),
        (
            lambda path: write_key(path, ec.generate_private_key(ec.SECP256R1())).with_suffix(".pub"),
            "holds a public key",
        ),
    ],
)
def test_private_keys_that_cannot_be_used(
    folder: Path, tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    path = make(tmp_path / "k.pem")
    with pytest.raises(ZooError) as caught:
        sign(folder, path)
    assert message.format(path=path) in caught.value.message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "cannot read the key {path}: No such file or directory"),
        (lambda path: garbage(path).with_suffix(".pub"), "{path} is no public key: expected a PEM file"),
        (lambda path: of_rsa(path).with_suffix(".pub"), "{path} is of the kind RSAPublicKey, expected one of"),
        (lambda path: of_edwards(path).with_suffix(".pub"), "{path} is of the kind Ed25519PublicKey"),
        (of_bitcoin, "{path} holds a private key, expected a public one"),
    ],
)
def test_public_keys_that_cannot_be_used(
    folder: Path, key: Path, tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    path = make(tmp_path / "k.pem")
    with pytest.raises(ZooError) as caught:
        check(folder, sign(folder, key), path)
    assert message.format(path=path) in caught.value.message


def test_what_cannot_be_signed(folder: Path, key: Path, tmp_path: Path) -> None:
    (folder / "there").symlink_to(tmp_path)
    with pytest.raises(ZooError, match="there cannot be signed: it is a link to a folder or to nothing"):
        sign(folder, key)
    (folder / "there").unlink()
    (folder / "there").symlink_to(tmp_path / "nothing")
    with pytest.raises(ZooError, match="there cannot be signed"):
        sign(folder, key)


def test_it_is_quiet(folder: Path, key: Path, public: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from registry.signatures import sign, check;"
        "folder, key, public = map(Path, sys.argv[1:]); check(folder, sign(folder, key), public)"
    )
    done = subprocess.run([sys.executable, "-c", program, folder, key, public], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_openssl_makes_such_keys(key: Path, public: Path) -> None:
    assert key.read_text().startswith("-----BEGIN EC PRIVATE KEY-----")
    assert len(fingerprint(public)) == 16
