import hmac
import os
import threading

import pytest

from bot.store.ciphers import AddressKey, Ciphers, Mac, Unreadable, address_of

OLD = "1:" + "QUFB" * 10 + "QUE="
NEW = "2:" + "QkJC" * 10 + "QkI=" + "," + OLD


@pytest.fixture
def keyring():
    return Ciphers(index_key="index", encryption_keys=OLD)


def test_what_is_encrypted_for_one_place_does_not_open_in_another(keyring):
    value = keyring.encrypt(b"+22790001234", b"contacts|a|number")
    assert keyring.decrypt(value, b"contacts|a|number") == b"+22790001234"
    with pytest.raises(Unreadable):
        keyring.decrypt(value, b"contacts|b|number")


def test_keys_rotate(keyring):
    value = keyring.encrypt(b"x", b"p")
    turned = Ciphers(index_key="index", encryption_keys=NEW)
    assert turned.decrypt(value, b"p") == b"x"
    assert turned.encrypt(b"x", b"p")[0] == 2
    with pytest.raises(Unreadable):
        keyring.decrypt(turned.encrypt(b"x", b"p"), b"p")


def test_no_nonce_comes_twice_in_threads_and_forks(keyring):
    nonces = set()

    def draw():
        nonces.update(keyring.encrypt(b"x", b"p")[1:13] for _ in range(1000))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(nonces) == 4000
    keyring.encrypt(b"x", b"p")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, keyring.encrypt(b"x", b"p")[1:13])
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 12) != keyring.encrypt(b"x", b"p")[1:13]
    os.close(read)
    os.close(write)


def test_the_mac_is_hmac_sha256():
    assert Mac(b"key" * 11)(b"message") == hmac.digest(b"key" * 11, b"message", "sha256")


def test_an_address_is_found_again_by_its_digest(keyring):
    key = keyring.address("+22790001234")
    assert isinstance(key, AddressKey)
    assert address_of(key.digest) == key


def test_a_turn_has_one_id_for_ever(keyring):
    assert keyring.turn_id("a", "1") == keyring.turn_id("a", "1") != keyring.turn_id("b", "1")
    assert keyring.ticket_slot(b"t" * 16, 0, 0) != keyring.ticket_slot(b"t" * 16, 0, 1)
