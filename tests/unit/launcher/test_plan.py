"""What is started, from settings."""

import socket

import pytest

from services.launcher.plan import PortTaken, held_port, service_specs
from shared.errors import BadRequest
from shared.settings import INTERNAL, Settings, variable_of


def test_as_many_processes_as_asked_for_each_with_a_name_of_its_own(tmp_path):
    settings = Settings(data_dir=tmp_path, workers=2, api=3)

    specs = service_specs(settings, tmp_path)

    names = [spec.name for role in specs.values() for spec in role]
    apis, ingests = ["api-1", "api-2", "api-3"], ["ingest-1", "ingest-2", "ingest-3"]
    assert names == ["worker-1", "worker-2", "optimizer", *ingests, *apis]
    assert {spec.environment["SHOAL_NODE_NAME"] for spec in specs["worker"]} == {"worker-1", "worker-2"}


def test_each_api_process_has_an_ingest_process_of_its_own_or_none_and_all_share_the_last_search(tmp_path):
    specs = service_specs(Settings(data_dir=tmp_path, api=2), tmp_path, 77)
    alone = service_specs(Settings(data_dir=tmp_path, api=2, ingest=False), tmp_path)

    sockets = [spec.environment["SHOAL_LISTEN_SOCKET"] for spec in specs["ingest"]]
    assert len(set(sockets)) == 2
    assert [spec.environment["SHOAL_INGEST_SOCKET"] for spec in specs["api"]] == sockets
    assert {spec.environment["SHOAL_LISTEN_SOCKET"] for spec in specs["api"]} == {""}
    assert {spec.environment["SHOAL_INGEST_SOCKET"] for spec in specs["ingest"]} == {""}
    assert {(spec.inherits, spec.environment["SHOAL_SEARCHES_FD"]) for spec in [*specs["api"], *specs["ingest"]]} == {
        ((77,), "77")
    }
    assert alone["ingest"] == []
    assert {spec.environment["SHOAL_INGEST_SOCKET"] for spec in alone["api"]} == {""}


def test_a_child_gets_every_setting_of_its_launcher_whatever_stands_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_READ_BLOCK_MS", "5")
    settings = Settings(data_dir=tmp_path, read_block_ms=77)

    (worker,) = service_specs(settings, tmp_path)["worker"]

    given = {name: worker.environment[variable_of(name)] for name in Settings.model_fields if name not in INTERNAL}
    assert given["read_block_ms"] == "77"
    assert given["data_dir"] == str(tmp_path)


def test_numeric_libraries_of_a_worker_start_no_threads_and_those_of_the_optimizer_what_the_setting_says(tmp_path):
    settings = Settings(data_dir=tmp_path, indexing_threads=3)

    specs = service_specs(settings, tmp_path)

    assert specs["worker"][0].environment["OMP_NUM_THREADS"] == "1"
    assert specs["optimizer"][0].environment["NUMBA_NUM_THREADS"] == "3"


def test_one_rpc_address_for_several_workers_is_refused(tmp_path):
    settings = Settings(data_dir=tmp_path, workers=2, rpc_address="tcp:127.0.0.1:7000")

    with pytest.raises(BadRequest, match="--rpc-address"):
        service_specs(settings, tmp_path)


def test_a_taken_port_is_refused_even_when_its_holder_shares_it():
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()

        with pytest.raises(PortTaken, match="--port"), held_port("127.0.0.1", holder.getsockname()[1], share=True):
            pass


def test_a_held_port_can_be_shared_and_takes_no_connections_itself():
    with held_port("127.0.0.1", 0, share=True) as port, socket.socket() as api:
        api.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        api.bind(("127.0.0.1", port))
        api.listen()

        with socket.create_connection(("127.0.0.1", port), timeout=2):
            accepted, _ = api.accept()

    accepted.close()
