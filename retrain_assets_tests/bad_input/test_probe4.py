import pytest, time, logging
import polars as pl, sqlalchemy as sa
from datetime import timedelta, datetime, UTC
from retrain_assets_tests.bad_input.history import *
from retrain_assets_tests.bad_input.test_probe3 import show, past
from retrain_assets_tests.training_data.conftest import postgres
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
def test_pw(past,tmp_path,postgres,monkeypatch,caplog,capfd):
    h=past.copy_to(tmp_path); b=h.kept(); r=h.rows(); t=time.time()
    pw='Tr0ub4dor&3'; from urllib.parse import quote
    for url in (postgres.url(quote(pw,safe='')), f"postgresql+psycopg://nobody:{quote(pw,safe='')}@127.0.0.1:{postgres.port}/nothing"):
        D=h.declare(source={'url':url,'table':'loans','timestamp':'asked_at','key':'loan'})
        o=h.ingest(LAST,declaration=D); show(h,o,b,r,tmp_path,'pw',t)
        print('@@',h.delivery())
    from retrain_assets.pipeline import build_definitions
    defs=build_definitions(D); s=defs.resolve_sensor_def('loans_source_sensor') if hasattr(defs,'resolve_sensor_def') else defs.get_sensor_def('loans_source_sensor')
    with dg.DagsterInstance.local_temp(str(h.home/'dagster')) as inst:
        x=s.evaluate_tick(dg.build_sensor_context(instance=inst)); print('@@ tick',x.skip_message)
    out=capfd.readouterr(); 
    forms={pw,quote(pw,safe='')}
    for f in h.home.rglob('*'):
        if f.is_file() and any(p.encode() in f.read_bytes() for p in forms): print('@@ LEAK',f)
    print('@@ logs',any(p in caplog.text+out.out+out.err+o.said for p in forms))
    print(out.out)
@pytest.mark.parametrize('when',['after','gone'])
def test_changed(past,tmp_path,monkeypatch,when):
    from retrain_assets.training_data.tables import Table
    h=past.copy_to(tmp_path); b=h.kept(); r=h.rows(); t=time.time()
    read=Table.frame
    file=h.deliver(LAST,good_rows(LAST).head(60))
    def f(self,*a,**k):
        x=read(self,*a,**k)
        if when=='after': h.deliver(LAST)
        else: file.unlink(missing_ok=True)
        return x
    with monkeypatch.context() as m:
        m.setattr(Table,'frame',f)
        o=h.ingest(LAST)
    show(h,o,b,r,tmp_path,'changed '+when,t); print('@@',h.delivery())
    h.deliver(LAST); o=h.ingest(LAST); print('@@',o.success,h.delivery())
