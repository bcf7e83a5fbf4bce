"""The secure address on a fake clock: own certificates, files, orders of a public authority, and what goes wrong."""

import errno
import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from tawny.config.loader import known_secrets, parse_settings, read_settings
from tawny.config.secure import SecureSettings
from tawny.config.settings import Settings
from tawny.engine import InlineEngine
from tawny.model.errors import NotDone, SettingsError
from tawny.model.messages import ProblemKind
from tawny.service.address.acme import Issued, Order
from tawny.service.address.address_service import AddressMeans, AddressService
from tawny.service.address.address_urls import is_at_home_only, own_addresses
from tawny.service.address.certificates import facts_of
from tawny.service.address.local_authority import LocalAuthority, RecorderNames
from tawny.service.address.tailscale import begin_serving
from tawny.service.backup.backup_file import is_kept
from tawny.service.changeable_settings import ChangeableSettings
from tawny.testing.clock import FakeClock
from tests.support.certificates import certificate_pair, write_pair
from tests.support.nameless_user import forget_user_name

DAY_S = 86_400.0
NOW = "2026-11-20T05:00:00Z"
BEFORE = datetime(2026, 11, 19, tzinfo=UTC)


class Recorder:
    """A settings file and a service over it. orders: what the public authority was asked for."""

    def __init__(self, folder: Path, *, has_file: bool = True, keeps: bool = True) -> None:
        self.file = folder / "tawny.toml"
        self.file.write_text('# mine\n[web]\nlisten = "0.0.0.0:8000"  # keep\n', encoding="utf-8")
        self.clock = FakeClock(NOW)
        self.settings = read_settings(self.file)
        self.names, self.addresses = {"pi", "pi.local"}, {"192.168.1.5"}
        self.orders: list[Order] = []
        self.answer: Callable[[Order], Issued] = self.issue
        self.commands: list[list[str]] = []
        self.tailscale = self.obey
        means = AddressMeans(
            lambda: frozenset(self.names), self.order, lambda: frozenset(self.addresses), self.run,
            lambda _, work: work(), folder if keeps else None,
        )  # fmt: skip
        changeable = ChangeableSettings(lambda: self.settings, self.apply, self.file if has_file else None)
        self.service = AddressService(changeable, means, self.clock)
        self.said = {"status": "{}", "serve": ""}

    def apply(self, new: Settings, _: str) -> None:
        self.settings = new
        self.service.changed(new)

    def order(self, order: Order, _: Path) -> Issued:
        self.orders.append(order)
        return self.answer(order)

    def issue(self, order: Order) -> Issued:
        begins = datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC)
        return Issued(*certificate_pair((order.domains[0],), begins))

    def run(self, command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        return self.tailscale(command, timeout_s)

    def obey(self, command: list[str], _: float) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, 0, self.said[command[1]], "")

    @property
    def names_in_force(self) -> tuple[str, ...]:
        facts = self.service.in_force.facts
        return facts.names if facts else ()

    def problems(self) -> list[str]:
        return [one.detail for one in self.service.problems()]


def own_leaf(recorder: Recorder) -> x509.Certificate:
    return x509.load_pem_x509_certificate((recorder.file.parent / "certificates/own/chain.pem").read_bytes())


def restarted(recorder: Recorder, later_s: float = 0.0) -> Recorder:
    """The recorder after a restart, with an actor's look."""
    again = Recorder(recorder.file.parent)
    again.settings = recorder.settings
    again.clock.advance(later_s)
    again.service.refresh()
    return again


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


class TestOwn:
    def test_it_is_made_on_request_and_serves_at_once(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        assert set(recorder.names_in_force) == {"pi", "pi.local", "localhost", "192.168.1.5"}
        assert recorder.settings.web.link_url == "https://pi.local:8000"
        assert recorder.service.status().is_at_home_only
        assert recorder.problems() == []
        text = recorder.file.read_text()
        assert "# mine" in text
        assert "# keep" in text

    def test_its_key_is_sealed_and_its_files_are_private(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        folder = recorder.file.parent / "certificates"
        assert b"ENCRYPTED" in (folder / "own" / "authority-key.pem").read_bytes()
        password = known_secrets(recorder.file.parent, {})["LOCAL_AUTHORITY"]
        assert password not in recorder.file.read_text()
        for path in [folder / "own", *folder.rglob("*"), recorder.file.with_name("secrets.toml")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            assert not mode & 0o077, path

    def test_it_can_only_speak_for_this_recorder(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        authority = recorder.service.authority()
        assert authority is not None
        limits = authority.certificate().extensions.get_extension_for_class(x509.NameConstraints)
        assert limits.critical
        assert all(authority.permits(one) for one in ("pi.local", "192.168.7.7"))
        assert not any(authority.permits(one) for one in ("bank.example", "8.8.8.8", "xpi.local"))

    def test_a_new_address_gets_into_the_certificate(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        before = recorder.service.in_force.context()
        recorder.service.refresh()
        assert recorder.service.in_force.context() is before, "nothing changed"
        recorder.addresses = {"192.168.1.77"}
        recorder.service.refresh()
        assert "192.168.1.77" in recorder.names_in_force
        assert recorder.service.in_force.context() is not before

    def hosts(self, recorder: Recorder, more: str) -> None:
        """Add lines under [web], and let the actor look."""
        recorder.file.write_text(recorder.file.read_text().replace("[web]\n", f"[web]\n{more}\n"))
        recorder.apply(read_settings(recorder.file), "")
        recorder.service.refresh()

    def test_a_name_that_was_added_later_is_shown_until_there_is_a_new_authority(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        self.hosts(recorder, 'hosts = ["house2.test"]')
        shown = recorder.service.status().hint
        assert shown is not None
        assert recorder.service.status().trouble is None
        assert "before house2.test was added" in shown.what
        assert recorder.problems() == [], "it may be for http alone"
        recorder.service.replace_authority()
        assert recorder.service.status().hint is None
        assert "house2.test" in recorder.names_in_force

    def test_a_name_behind_a_proxy_is_no_problem(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        self.hosts(recorder, 'hosts = ["house2.test"]\nproxies = ["192.168.1.9"]')
        assert recorder.service.status().hint is None

    def test_a_renamed_computer_is_reported_until_another_name_is_chosen(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        recorder.names = {"nas", "nas.local"}
        recorder.service.refresh()
        assert "no longer called pi, so pi.local" in recorder.problems()[0]
        recorder.service.use_own("nas.local")
        assert recorder.problems() == []
        assert "nas.local" in recorder.names_in_force

    def test_a_renamed_computer_whose_old_name_still_leads_to_it_is_no_problem(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        self.hosts(recorder, 'hosts = ["pi.local"]')
        recorder.names = {"nas", "nas.local"}
        recorder.service.refresh()
        assert recorder.problems() == []

    def test_it_renews_itself_in_time_by_its_own_clock(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        first = recorder.service.in_force.facts
        engine = InlineEngine(recorder.clock, lambda *_: None)
        recorder.service.handle.start(engine, "address", lambda: recorder.service)
        engine.run_for(60)
        recorder.clock.advance(260 * DAY_S)
        engine.run_for(60)
        assert recorder.service.in_force.facts == first
        recorder.clock.advance(10 * DAY_S)
        engine.run_for(60)
        renewed = recorder.service.in_force.facts
        assert renewed is not None
        assert first is not None
        assert renewed.ends_ms > first.ends_ms
        assert renewed.ends_ms - renewed.begins_ms <= 398 * DAY_S * 1000

    def test_a_lost_password_is_reported_and_the_old_certificate_stays(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        recorder.file.with_name("secrets.toml").unlink()
        recorder.addresses = {"192.168.1.77"}
        recorder.service.refresh()
        assert "192.168.1.5" in recorder.names_in_force
        (problem,) = recorder.problems()
        assert "LOCAL_AUTHORITY" in problem
        recorder.service.use_own("pi.local")
        assert "192.168.1.77" in recorder.names_in_force, "a new authority helps"
        assert recorder.problems() == []

    def test_setting_it_up_again_keeps_the_authority(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        authority = recorder.service.authority()
        assert authority is not None
        before = authority.facts().fingerprint
        recorder.service.turn_off()
        assert recorder.service.authority() is None, "its page is gone"
        assert not recorder.service.in_force
        recorder.service.use_own("192.168.1.5")
        assert authority.facts().fingerprint == before
        recorder.service.replace_authority()
        assert authority.facts().fingerprint != before

    def test_a_new_authority_issues_the_certificate_in_force(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        recorder.service.replace_authority()
        authority = recorder.service.authority()
        assert authority is not None
        own_leaf(recorder).verify_directly_issued_by(authority.certificate())
        assert recorder.service.in_force.facts == facts_of(own_leaf(recorder))

    def test_one_of_a_clock_that_was_ahead_is_replaced(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        recorder.clock.jump_utc(300 * DAY_S)
        recorder.service.refresh()
        recorder.clock.jump_utc(-300 * DAY_S)
        recorder.service.refresh()
        assert own_leaf(recorder).not_valid_before_utc < datetime.fromtimestamp(recorder.clock.now_ms() / 1000, UTC)
        assert recorder.problems() == []

    def test_a_clock_that_is_behind_changes_nothing(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        before = own_leaf(recorder)
        recorder.clock.jump_utc(-3000 * DAY_S)
        recorder.service.refresh()
        assert own_leaf(recorder) == before

    def test_one_without_its_key_is_replaced(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        (recorder.file.parent / "certificates" / "own" / "key.pem").write_bytes(certificate_pair()[1])
        again = restarted(recorder)
        assert again.service.in_force
        assert again.problems() == []

    def test_a_renewal_that_fails_leaves_https_on_after_a_restart(self, recorder: Recorder) -> None:
        recorder.service.use_own("pi.local")
        recorder.file.with_name("secrets.toml").unlink()
        again = restarted(recorder, 300 * DAY_S)
        assert again.service.in_force
        assert "LOCAL_AUTHORITY" in again.problems()[0]

    @pytest.mark.parametrize("way", ["own", "files"])
    def test_the_address_of_a_former_domain_goes(self, recorder: Recorder, tmp_path: Path, way: str) -> None:
        recorder.service.use_domain(TestDomain.wanted, {}, "https://cam.example.org:8443")
        if way == "own":
            recorder.service.use_own("pi.local")
        else:
            chain, key = write_pair(tmp_path / "mine", ("pi.local",), BEFORE)
            recorder.service.use_files(str(chain), str(key), "")
        assert recorder.settings.web.link_url == "https://pi.local:8000"

    def test_the_address_of_the_same_domain_stays(self, recorder: Recorder, tmp_path: Path) -> None:
        recorder.service.use_domain(TestDomain.wanted, {}, "https://cam.example.org:8443")
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        assert recorder.settings.web.public_url == "https://cam.example.org:8443", "with its port"

    @pytest.mark.parametrize(
        ("former", "url"),
        [
            ("http://pi.local:8000", "https://pi.local:8000"),
            ("http://192.168.1.5:8000", "https://192.168.1.5:8000"),
            ("http://pi.local:8123", "https://pi.local:8123"),
            ("http://pi.local", "https://pi.local:80"),
            ("http://cam.example.org", "http://cam.example.org"),
            ("https://cam.example.org", "https://cam.example.org"),
        ],
    )
    def test_an_address_of_this_computer_keeps_its_port_and_follows_https(
        self, recorder: Recorder, former: str, url: str
    ) -> None:
        self.hosts(recorder, f'public_url = "{former}"')
        recorder.service.use_own("pi.local")
        assert recorder.settings.web.link_url == url
        recorder.service.turn_off()
        assert recorder.settings.web.public_url == former

    def test_the_address_of_a_proxy_stays(self, recorder: Recorder) -> None:
        self.hosts(recorder, 'public_url = "http://cam.lan"\nhosts = ["cam.lan"]\nproxies = ["192.168.1.9"]')
        recorder.service.use_own("pi.local")
        assert recorder.settings.web.public_url == "http://cam.lan"

    def test_turning_https_off_keeps_the_address_for_links(self, recorder: Recorder) -> None:
        self.hosts(recorder, 'public_url = "http://192.168.1.5:8000"')
        recorder.service.use_own("pi.local")
        shutil.rmtree(recorder.file.parent / "certificates")
        again = restarted(recorder)
        assert not again.service.in_force
        again.service.turn_off()
        assert again.settings.web.link_url == "http://192.168.1.5:8000", "also without its certificate"

    @pytest.mark.parametrize("url", ["http://192.168.1.5:8000", "http://pi:8123"])
    def test_an_address_that_the_next_certificate_is_not_for_goes_back_to_http(
        self, recorder: Recorder, tmp_path: Path, url: str
    ) -> None:
        self.hosts(recorder, f'public_url = "{url}"')
        recorder.service.use_own("pi.local")
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        assert recorder.settings.web.public_url == url

    def test_another_name_of_this_computer_keeps_the_address(self, recorder: Recorder) -> None:
        self.hosts(recorder, 'public_url = "http://pi.local:8123"')
        recorder.service.use_own("pi.local")
        recorder.service.use_own("192.168.1.5")
        assert recorder.settings.web.public_url == "https://pi.local:8123", "with its port"

    def test_the_domain_of_files_that_were_used_before_is_not_in_its_certificate(
        self, recorder: Recorder, tmp_path: Path
    ) -> None:
        self.hosts(recorder, 'public_url = "http://cam.example.org:9000"')
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        recorder.service.turn_off()
        recorder.service.use_own("pi.local")
        assert recorder.settings.web.public_url == "http://cam.example.org:9000"

    def test_an_address_without_a_port_goes_with_its_certificate(self, recorder: Recorder, tmp_path: Path) -> None:
        self.hosts(recorder, 'public_url = "https://cam.example.org"')
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        recorder.service.turn_off()
        assert recorder.settings.web.public_url == "", "browsers may open it by https only"

    def test_a_foreign_name_is_refused(self, recorder: Recorder) -> None:
        with pytest.raises(NotDone):
            recorder.service.use_own("bank.example")
        assert recorder.settings.web.secure.way == "off"


class TestFiles:
    def test_a_bad_pair_changes_nothing(self, recorder: Recorder, tmp_path: Path) -> None:
        good = write_pair(tmp_path / "good", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(good[0]), str(good[1]), "")
        assert recorder.settings.web.secure.domain == "cam.example.org"
        other = write_pair(tmp_path / "other", ("cam.example.org",), BEFORE)
        with pytest.raises(NotDone, match="another certificate"):
            recorder.service.use_files(str(good[0]), str(other[1]), "")
        assert recorder.names_in_force == ("cam.example.org",)

    def test_replaced_files_are_used_and_broken_ones_leave_the_old_in_force(
        self, recorder: Recorder, tmp_path: Path
    ) -> None:
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        before = recorder.service.in_force.facts
        write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.refresh()
        renewed = recorder.service.in_force.facts
        assert renewed != before
        chain.write_text("nonsense")
        recorder.service.refresh()
        assert recorder.service.in_force.facts == renewed
        (problem,) = recorder.service.problems()
        assert problem.what is ProblemKind.CERTIFICATE
        assert "no certificate in PEM format" in problem.detail
        assert problem.do

    def test_a_chain_that_was_completed_in_the_same_file_is_used(self, recorder: Recorder, tmp_path: Path) -> None:
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        before = recorder.service.in_force.context()
        recorder.service.refresh()
        assert recorder.service.in_force.context() is before, "nothing changed"
        with chain.open("ab") as file:
            file.write(certificate_pair(("an authority",))[0])
        recorder.service.refresh()
        assert recorder.service.in_force.context() is not before

    def test_an_address_that_the_certificate_is_for_keeps_its_port(self, recorder: Recorder, tmp_path: Path) -> None:
        recorder.file.write_text(recorder.file.read_text() + 'public_url = "http://cam.example.org:9000"\n')
        recorder.apply(read_settings(recorder.file), "")
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        assert recorder.settings.web.public_url == "https://cam.example.org:9000"
        recorder.service.turn_off()
        assert recorder.settings.web.public_url == "http://cam.example.org:9000"

    def test_an_expiring_one_is_reported(self, recorder: Recorder, tmp_path: Path) -> None:
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        recorder.clock.advance(69 * DAY_S)
        assert recorder.problems() == []
        recorder.clock.advance(10 * DAY_S)
        assert recorder.problems() == ["The certificate expires in 10 days."]
        recorder.clock.advance(11 * DAY_S)
        recorder.service.refresh()
        assert "has expired" in recorder.problems()[0]

    def test_after_a_restart_an_expired_one_still_encrypts(self, recorder: Recorder, tmp_path: Path) -> None:
        chain, key = write_pair(tmp_path / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        again = Recorder(recorder.file.parent)
        again.settings = recorder.settings
        again.clock.advance(100 * DAY_S)
        again.service.refresh()
        assert again.service.in_force
        assert "expired on 2027-02-17" in again.problems()[0]


class TestDomain:
    wanted = SecureSettings(way="domain", domain="cam.example.org", contact="anna@example.org")

    def test_it_orders_serves_and_renews(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "https://cam.example.org")
        assert recorder.names_in_force == ("cam.example.org",)
        assert recorder.settings.web.public_url == "https://cam.example.org"
        assert not recorder.service.status().is_at_home_only
        recorder.clock.advance(59 * DAY_S)
        recorder.service.refresh()
        assert len(recorder.orders) == 1
        recorder.clock.advance(3 * DAY_S)  # each certificate is renewed at a time of its own, within a day and a half
        recorder.service.refresh()
        assert len(recorder.orders) == 2
        assert recorder.problems() == []

    def test_a_restart_orders_nothing(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "")
        again = Recorder(recorder.file.parent)
        again.settings = recorder.settings
        again.service.refresh()
        assert again.orders == []
        assert again.names_in_force == ("cam.example.org",)

    def test_another_domain_needs_another_certificate(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "")
        recorder.service.use_domain(self.wanted.model_copy(update={"domain": "home.example.org"}), {}, "")
        assert recorder.names_in_force == ("home.example.org",)

    def test_failures_are_reported_and_tried_again_ever_more_rarely(self, recorder: Recorder) -> None:
        def refuse(_: Order) -> Issued:
            raise NotDone("The authority can't reach cam.example.org.", "Forward port 80.")

        recorder.answer = refuse
        recorder.service.use_domain(self.wanted, {}, "")
        assert recorder.problems() == ["The authority can't reach cam.example.org."]
        for _ in range(24 * 60):
            recorder.clock.advance(60)
            recorder.service.refresh()
        assert len(recorder.orders) == 5, "after 15 min, 1 h, 4 h and 12 h"
        recorder.answer = recorder.issue
        recorder.service.order_again()
        assert recorder.problems() == []

    def test_a_certificate_that_is_old_by_a_wrong_clock_is_used_and_not_ordered_again_at_once(
        self, recorder: Recorder
    ) -> None:
        def issue(order: Order) -> Issued:
            begins = datetime.fromtimestamp(recorder.clock.now_ms() / 1000 - 65 * DAY_S, UTC)
            return Issued(*certificate_pair((order.domains[0],), begins))

        recorder.answer = issue
        recorder.service.use_domain(self.wanted, {}, "")
        for _ in range(24 * 60):
            recorder.clock.advance(60)
            recorder.service.refresh()
        assert len(recorder.orders) == 1
        assert recorder.names_in_force == ("cam.example.org",)
        assert "clock says 2026-11-20 05:00 UTC" in recorder.problems()[0]
        recorder.clock.jump_utc(-65 * DAY_S)
        recorder.service.refresh()
        assert recorder.problems() == []

    def test_a_failed_renewal_keeps_the_certificate(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "")

        def refuse(_: Order) -> Issued:
            raise NotDone("The authority isn't responding.", "tawny tries again.")

        recorder.answer = refuse
        recorder.clock.advance(85 * DAY_S)
        recorder.service.refresh()
        recorder.service.refresh()
        assert recorder.names_in_force == ("cam.example.org",)
        assert recorder.problems() == ["The authority isn't responding. The certificate expires in 5 days."]

    def test_an_expired_one_is_ordered_again(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "")
        again = restarted(recorder, 100 * DAY_S)
        assert len(again.orders) == 1
        assert again.problems() == []

    def test_one_without_its_key_is_ordered_again(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "")
        (recorder.file.parent / "certificates" / "acme" / "key.pem").write_bytes(certificate_pair()[1])
        again = restarted(recorder)
        assert len(again.orders) == 1
        assert again.names_in_force == ("cam.example.org",)

    def test_an_expired_one_still_encrypts_while_the_authority_refuses(self, recorder: Recorder) -> None:
        def refuse(_: Order) -> Issued:
            raise NotDone("The authority isn't responding.", "tawny tries again.")

        recorder.service.use_domain(self.wanted, {}, "")
        again = Recorder(recorder.file.parent)
        again.settings, again.answer = recorder.settings, refuse
        again.clock.advance(100 * DAY_S)
        again.service.refresh()
        assert again.service.in_force
        assert again.problems() == ["The authority isn't responding. The certificate has expired."]

    def test_one_that_is_not_valid_yet_is_not_ordered_again(self, recorder: Recorder) -> None:
        recorder.service.use_domain(self.wanted, {}, "")
        recorder.clock.jump_utc(-10 * DAY_S)
        recorder.service.refresh()
        assert len(recorder.orders) == 1, "the clock is wrong"

    @pytest.mark.parametrize("former", ["", "https://staging.example/directory"])
    def test_one_for_the_domain_is_used_until_the_order_of_another_is_answered(
        self, recorder: Recorder, former: str
    ) -> None:
        def refuse(_: Order) -> Issued:
            raise NotDone("The authority can't reach cam.example.org.", "Forward port 80.")

        recorder.service.use_domain(self.wanted.model_copy(update={"directory": former}), {}, "")
        recorder.service.turn_off()
        if not former:
            (recorder.file.parent / "certificates/acme/order.json").unlink()
        recorder.answer = refuse
        recorder.service.use_domain(self.wanted, {}, "")
        assert recorder.names_in_force == ("cam.example.org",)
        assert recorder.problems()[0].startswith("The authority can't reach cam.example.org.")

    def test_provider_secrets_are_apart_from_the_settings(self, recorder: Recorder) -> None:
        wanted = self.wanted.model_copy(update={"challenge": "dns", "dns_provider": "cloudflare"})
        recorder.service.use_domain(wanted, {"auth_token": "t0p-s3cret"}, "")
        assert "t0p-s3cret" not in recorder.file.read_text()
        assert recorder.orders[0].dns_options == {"auth_token": "t0p-s3cret"}
        recorder.service.use_domain(wanted, {}, "")
        assert recorder.settings.web.secure.dns_secrets == {"auth_token": "t0p-s3cret"}, "kept unless given"


class TestServed:
    """Whether people outside are refused by plain http while no certificate is in force."""

    other = TestDomain.wanted.model_copy(update={"domain": "new.example.org"})

    def refuse(self, _: Order) -> Issued:
        raise NotDone("The authority can't reach cam.example.org.", "Forward port 80.")

    def after_loss(self, recorder: Recorder) -> Recorder:
        shutil.rmtree(recorder.file.parent / "certificates")
        again = Recorder(recorder.file.parent)
        again.settings, again.answer = recorder.settings, self.refuse
        again.service.refresh()
        assert not again.service.in_force
        return again

    def test_lost_certificates_are_no_reason_for_plain_http(self, recorder: Recorder) -> None:
        recorder.service.use_domain(TestDomain.wanted, {}, "")
        assert self.after_loss(recorder).service.had_certificate

    @pytest.mark.parametrize("former", ["domain", "own"])
    def test_another_way_or_domain_begins_without(self, recorder: Recorder, former: str) -> None:
        if former == "own":
            recorder.service.use_own("pi.local")
        else:
            recorder.service.use_domain(TestDomain.wanted, {}, "")
        recorder.answer = self.refuse
        recorder.service.use_domain(self.other, {}, "")
        assert not self.after_loss(recorder).service.had_certificate

    @pytest.mark.parametrize(
        ("content", "counts"),
        [(None, True), (b"\xff\n", True), (b"\0\0\0", True), (b"", False), (b"files old.example.org\n", False)],
    )
    def test_without_a_readable_note_https_may_have_been_served(
        self, recorder: Recorder, content: bytes | None, counts: bool
    ) -> None:
        """As after an update, and after a restore into a new folder."""
        assert not is_kept("data/https-served")
        note = recorder.file.with_name("https-served")
        chain, key = write_pair(recorder.file.parent / "mine", ("cam.example.org",), BEFORE)
        recorder.service.use_files(str(chain), str(key), "")
        chain.unlink()
        note.unlink() if content is None else note.write_bytes(content)
        assert restarted(recorder).service.had_certificate == counts

    @pytest.mark.parametrize("kept", [True, False])
    def test_turning_off_forgets_it(self, tmp_path: Path, kept: bool) -> None:
        recorder = Recorder(tmp_path, keeps=kept)
        recorder.service.use_domain(TestDomain.wanted, {}, "")
        recorder.service.turn_off()
        assert (tmp_path / "https-served").exists() == kept
        shutil.rmtree(tmp_path / "certificates")
        recorder.answer = self.refuse
        recorder.service.use_domain(TestDomain.wanted, {}, "")
        assert not recorder.service.had_certificate, "plain http was the owner's choice"

    def test_a_first_setup_begins_without(self, recorder: Recorder) -> None:
        recorder.service.refresh()
        recorder.answer = self.refuse
        recorder.service.use_domain(TestDomain.wanted, {}, "")
        assert not recorder.service.had_certificate
        assert recorder.file.with_name("https-served").read_bytes() == b"", "also after a restart"

    def test_without_a_data_folder_nothing_is_known_after_a_restart(self, tmp_path: Path) -> None:
        Recorder(tmp_path).service.use_domain(TestDomain.wanted, {}, "")
        (tmp_path / "certificates" / "acme" / "key.pem").unlink()
        settings = read_settings(tmp_path / "tawny.toml")
        again = Recorder(tmp_path, keeps=False)
        again.settings, again.answer = settings, self.refuse
        again.service.refresh()
        assert again.service.had_certificate

    def test_a_note_that_cannot_be_read_counts(self, recorder: Recorder) -> None:
        (recorder.file.parent / "https-served").mkdir()
        recorder.answer = self.refuse
        recorder.service.use_domain(TestDomain.wanted, {}, "")
        assert recorder.service.had_certificate

    def test_one_of_an_earlier_version_is_noted_at_the_start(self, recorder: Recorder) -> None:
        recorder.service.use_domain(TestDomain.wanted, {}, "")
        note = recorder.file.with_name("https-served")
        note.unlink()
        restarted(recorder)
        assert note.read_text() == "domain cam.example.org\n"
        assert stat.S_IMODE(note.stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        ("domain", "words"),
        [("cam.example.org", "can't note"), ("new.example.org", "is for cam.example.org, not for new.example.org")],
    )
    def test_a_full_disk_is_reported_after_what_is_wrong_with_the_certificate(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, domain: str, words: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("tawny.service.address.certificates.write_private", fail)
        recorder.answer = lambda order: recorder.issue(replace(order, domains=("cam.example.org",)))
        recorder.service.use_domain(TestDomain.wanted.model_copy(update={"domain": domain}), {}, "")
        recorder.service.refresh()
        assert recorder.service.in_force
        assert words in recorder.problems()[0]


class TestTailscale:
    running = json.dumps(
        {
            "BackendState": "Running",
            "Self": {"DNSName": "pi.tail1234.ts.net."},
            "CertDomains": ["pi.tail1234.ts.net"],
        }
    )

    def test_one_call_sets_it_up(self, recorder: Recorder) -> None:
        recorder.said["status"] = self.running
        recorder.service.use_tailscale()
        assert recorder.commands[-1] == ["tailscale", "serve", "--bg", "--https=443", "http://127.0.0.1:8000"]
        assert recorder.settings.web.link_url == "https://pi.tail1234.ts.net"
        assert "127.0.0.1" in recorder.settings.web.trusted_proxies
        recorder.service.turn_off()
        assert recorder.commands[-1] == ["tailscale", "serve", "--https=443", "off"]
        assert recorder.settings.web.public_url == ""
        assert recorder.settings.web.trusted_proxies == ()

    def test_another_way_ends_it(self, recorder: Recorder) -> None:
        recorder.said["status"] = self.running
        recorder.service.use_tailscale()
        recorder.service.use_own("pi.local")
        assert recorder.commands[-1] == ["tailscale", "serve", "--https=443", "off"]
        assert recorder.settings.web.link_url == "https://pi.local:8000"

    @pytest.mark.parametrize(
        ("status", "error", "is_reported"),
        [
            (running, "access denied", True),
            (running, "error: failed to remove web serve: handler does not exist", False),
            (None, "", False),
        ],
    )
    def test_it_can_be_left_when_tailscale_is_broken_or_gone(
        self, recorder: Recorder, status: str | None, error: str, is_reported: bool
    ) -> None:
        def broken(command: list[str], _: float) -> subprocess.CompletedProcess[str]:
            if status is None:
                raise FileNotFoundError(command[0])
            return subprocess.CompletedProcess(command, int(command[1] == "serve"), status, error)

        recorder.said["status"] = self.running
        recorder.service.use_tailscale()
        recorder.tailscale = broken
        recorder.service.turn_off()
        assert recorder.settings.web.secure.way == "off"
        trouble = recorder.service.status().trouble
        assert (trouble is not None and "still forwards" in trouble.what) == is_reported
        recorder.service.step()
        assert (recorder.service.status().trouble is not None) == is_reported
        error = "handler does not exist"  # it was ended by hand
        recorder.service.step()
        assert recorder.service.status().trouble is None
        error = "access denied"
        recorder.service.use_own("pi.local")
        assert recorder.service.status().trouble is None, "until the next change"

    def test_what_is_missing_is_said_and_nothing_changes(self, recorder: Recorder) -> None:
        recorder.said["status"] = self.running.replace('["pi.tail1234.ts.net"]', "null")
        with pytest.raises(NotDone, match="HTTPS isn't enabled"):
            recorder.service.use_tailscale()
        assert recorder.settings.web.secure.way == "off"

    def test_a_user_id_without_a_name_gets_another_hint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forget_user_name(monkeypatch)

        def run(command: list[str], _: float) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(command, int(command[1] == "serve"), self.running, "access denied")

        with pytest.raises(NotDone) as refused:
            begin_serving("http://127.0.0.1:8000", run)
        assert "user with a name" in refused.value.todo


def test_without_a_settings_file_nothing_can_be_set_up(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, has_file=False)
    assert "tawny init" in recorder.service.status().fixed
    with pytest.raises(NotDone):
        recorder.service.use_own("pi.local")


def test_an_authority_of_another_computer_issues_nothing_here(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.create("pi", ["pi.local"], "password", FakeClock(NOW).now_ms())
    with pytest.raises(NotDone):
        authority.issue(RecorderNames(frozenset({"nas.local"}), frozenset()), "password", FakeClock(NOW).now_ms())


@pytest.mark.parametrize(
    ("url", "is_home"),
    [
        ("https://pi.local:8000", True), ("https://192.168.1.5:8000", True), ("https://pi", True),
        ("https://pi.fritz.box", True), ("https://cam.example.org", False), ("https://pi.tail1.ts.net", False),
        ("https://203.0.113.4", False), ("", False),
    ],
)  # fmt: skip
def test_which_addresses_work_at_home_only(url: str, is_home: bool) -> None:
    assert is_at_home_only(url) == is_home


def test_own_addresses_are_private() -> None:
    assert "127.0.0.1" in own_addresses()


@pytest.mark.parametrize(
    "text",
    [
        'way = "own"', 'way = "files"\ncertificate = "a.pem"', 'way = "domain"',
        'way = "domain"\ndomain = "a.example"\nchallenge = "dns"', 'way = "own"\ndomain = "a b"', 'contact = "anna"',
        'way = "maybe"', 'directory = "ftp://x"', 'dns_secrets = { "A B" = "x" }',
    ],
)  # fmt: skip
def test_incomplete_settings_are_refused(text: str) -> None:
    settings, problems = parse_settings(f"[web.secure]\n{text}\n", {})
    assert settings is None
    assert all(one.path.startswith("web.secure") for one in problems), problems


def test_a_refused_change_writes_nothing(recorder: Recorder) -> None:
    before = recorder.file.read_text()
    with pytest.raises(SettingsError):
        wanted = SecureSettings.model_construct(
            way="domain", domain="a b", contact="", challenge="http", dns_provider="", directory=""
        )
        recorder.service.use_domain(wanted, {}, "")
    assert recorder.file.read_text() == before
