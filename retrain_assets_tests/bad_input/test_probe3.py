import pytest, time
import polars as pl
from datetime import timedelta, datetime, UTC
from retrain_assets_tests.bad_input.history import *
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
@pytest.fixture(scope='session')
def past():
    import pathlib
    p=pathlib.Path('/tmp/bi/past')
    if not p.exists(): p.mkdir(); return live(p)
    return History(p)
G=good_rows
def w(f): return lambda h: h.deliver(LAST,f(G()))
def raw(b): return lambda h: h.deliver().write_bytes(b(h.deliver().read_bytes()))
def twice(g,**k): return pl.concat([g,g.head(2).with_columns(**k)])
C={
'empty':raw(lambda b:b''),'truncated':raw(lambda b:b[:len(b)//2]),'text':raw(lambda b:b'hello no parquet at all'),
'lacks':w(lambda g:g.drop('age')),'lacks label':w(lambda g:g.drop('repaid')),'lacks ts':w(lambda g:g.drop('asked_at')),
'dtype':w(lambda g:g.with_columns(pl.col('amount').cast(pl.String)+' EUR')),'dtype2':w(lambda g:g.with_columns(age=pl.col('age')+.5)),
'zone':w(lambda g:g.with_columns(asked_at=pl.concat([g['asked_at'].dt.strftime('%Y-%m-%dT%H:%M:%S+01:00').head(60),g['asked_at'].dt.strftime('%Y-%m-%dT%H:%M:%SZ').tail(60)]))),
'zone2':w(lambda g:g.with_columns(asked_at=pl.concat([g['asked_at'].dt.strftime('%Y-%m-%dT%H:%M:%S').head(60),g['asked_at'].dt.strftime('%Y-%m-%dT%H:%M:%SZ').tail(60)]))),
'tsnum':w(lambda g:g.with_columns(asked_at=pl.lit(3.5))),
'tsnull':w(lambda g:pl.concat([g,g.head(2).with_columns(loan=pl.Series(['a','b']),asked_at=pl.lit(None,pl.Datetime('us','UTC')))])),
'keynull':w(lambda g:twice(g,loan=pl.lit(None,pl.String))),
'dup':w(lambda g:twice(g,amount=pl.lit(7.0))),'exact':w(lambda g:twice(g)),
'reserved':w(lambda g:g.with_columns(score=pl.lit(1.0))),'extra':w(lambda g:g.with_columns(count=pl.lit(1))),
'critical':w(lambda g:g.with_columns(amount=-pl.col('amount'))),
'negs':w(lambda g:twice(g,loan=pl.Series(['a','b']),amount=pl.lit(-1.0))),
'nan':w(lambda g:pl.concat([g,g.head(3).with_columns(loan=pl.Series(['a','b','c']),amount=pl.Series([float('nan'),float('inf'),float('-inf')]))])),
'late':w(lambda g:twice(g,loan=pl.Series(['a','b']),asked_at=pl.col('asked_at')+timedelta(days=1))),
'zero':w(lambda g:g.head(0)),'labels':w(lambda g:g.with_columns(repaid=pl.lit(None,pl.Int64))),
'moon':w(lambda g:g.with_columns(region=pl.lit('moon'))),'allnull':w(lambda g:g.with_columns(age=pl.lit(None,pl.Int64))),
'gone':lambda h:h.deliver().unlink(),
}
@pytest.mark.parametrize('c',C)
def test_i(c,past,tmp_path):
    h=past.copy_to(tmp_path)
    C[c](h)
    b=h.kept(); r=h.rows(); r2=h.rows(LAST)
    o=h.ingest(LAST)
    S=lambda x:str(x).replace(str(tmp_path),'T')
    print('\n@@',c,o.success,S(o.sentence),o.materialized)
    for n,(ok,m) in o.checks.items():
        if not ok or n.startswith('part'): print('@@    ',n,ok,S(m.get('problem') or m.get('sentence') or m)[:500])
    print('@@     kept',[k for k,v in h.kept().items() if b.get(k)!=v],'rows',[k for k,v in h.rows().items() if r[k]!=v],'but',[k for k,v in h.rows(LAST).items() if r2[k]!=v])
    for q in h.quarantine()[:4]: print('@@     Q',S({k:q[k] for k in('rule','column','value','file','partition_key')}))
    d=h.delivery(); print('@@     D',{k:d[k] for k in ('rows','quarantined','duplicates','accepted')})
