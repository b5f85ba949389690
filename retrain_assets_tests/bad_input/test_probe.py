import pytest
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
from retrain_assets_tests.bad_input.history import *
@pytest.fixture(scope='session')
def past(tmp_path_factory): return live(tmp_path_factory.mktemp('past'))
def test_a(past,tmp_path):
    import time
    t=time.time(); h=past.copy_to(tmp_path); print('copy',time.time()-t)
    b=h.kept(); r=h.rows(); print(b)
    t=time.time(); o=h.ingest(LAST); print('ingest',time.time()-t,o.success,o.sentence,o.checks,o.materialized)
    print({k:b[k]==v for k,v in h.kept().items()},{k:r[k]==v for k,v in h.rows().items()})
