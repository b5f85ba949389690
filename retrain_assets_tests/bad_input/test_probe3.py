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
def show(h,o,b,r,tmp_path,c,t):
    S=lambda x:str(x).replace(str(tmp_path),'T')
    print('\n@@',c,o.success,S(o.sentence),o.materialized,round(time.time()-t,1))
    for n,(ok,m) in o.checks.items():
        if not ok: print('@@    ',n,ok,S(m.get('problem') or m.get('sentence') or m)[:700])
    print('@@     kept',[k for k,v in h.kept().items() if b.get(k)!=v],'rows',[k for k,v in h.rows().items() if r[k]!=v])
def redeliver(h,*e):
    days=[FIRST_DAY+timedelta(days=n) for n in range(DAYS+1)]
    for d in days: h.deliver(d,good_rows(d).with_columns(*e))
    o=h.ingest(days[0],days[-1]); assert o.success
C={
'one':([pl.lit(1).alias('repaid')],{},{}),'nolabel':([pl.lit(None,pl.Int64).alias('repaid')],{},{}),
'allnull':([pl.lit(None,pl.Int64).alias('age')],{},{}),
'allnullcat':([pl.lit(None,pl.String).alias('region')],{},{}),
'nofeat':([],dict(features__numeric=[],features__categorical=[]),{}),
'mae':([],dict(evaluation__metrics=['mean_absolute_error']),{}),
'param':([],dict(training__params={'learning_rat':.1}),{}),
'paramv':([],dict(training__params={'learning_rate':'fast'}),{}),
'yes':([],dict(label__positive='yes'),{}),
'asof':([],{},dict(as_of='2026-01-20T00:00:00')),'asof2':([],{},dict(as_of='yesterday')),'early':([],{},dict(as_of='2026-01-07T00:00:00Z')),
'future':([],{},dict(as_of='2030-01-07T00:00:00Z')),
'trial':([],{},dict(params={'learning_rat':.3})),
}
@pytest.mark.parametrize('c',C)
def test_t(c,past,tmp_path):
    h=past.copy_to(tmp_path)
    e,ch,cf=C[c]
    if e: redeliver(h,*e)
    b=h.kept(); r=h.rows(); t=time.time()
    o=h.retrain(h.declare(**ch),**cf)
    show(h,o,b,r,tmp_path,c,t)
def test_away(past,tmp_path,monkeypatch):
    h=past.copy_to(tmp_path); b=h.kept(); r=h.rows(); t=time.time()
    with monkeypatch.context() as m:
        m.setenv('MLFLOW_TRACKING_URI','http://someone:geheim@127.0.0.1:9')
        o=h.retrain()
    show(h,o,b,r,tmp_path,'away',t); print('@@ geheim', 'geheim' in o.said)
@pytest.mark.parametrize('how',['gone','cut'])
def test_champ(past,tmp_path,how):
    h=past.copy_to(tmp_path); 
    [f]=[f for f in h.home.rglob('model.skops') if 'mlartifacts' in str(f)]
    f.unlink() if how=='gone' else f.write_bytes(f.read_bytes()[:500])
    b=h.kept(); r=h.rows(); t=time.time()
    h.deliver(NEXT); o=h.ingest(NEXT); show(h,o,b,r,tmp_path,'champ ingest',t)
    b=h.kept(); r=h.rows(); t=time.time()
    o=h.retrain(); show(h,o,b,r,tmp_path,'champ retrain',t)
def test_alone(past,tmp_path):
    h=past.copy_to(tmp_path); b=h.kept(); r=h.rows(); t=time.time()
    o=h.retrain(None,'candidate_model'); show(h,o,b,r,tmp_path,'candidate alone',t)
@pytest.mark.parametrize('cats',[('numeric','count'),('categorical','count'),('numeric','rows'),('categorical','rows'),('categorical','len'),('numeric','literal')],ids=str)
def test_count(past,tmp_path,cats):
    h=past.copy_to(tmp_path/'x'); kind,name=cats
    import os; os.environ['RETRAIN_ASSETS_HOME']=str(tmp_path/'x'/'home')
    src='age' if kind=='numeric' else 'region'
    ch={'name':'counts',f'features__{kind}':[name], 'features__'+('categorical' if kind=='numeric' else 'numeric'):[]}
    if kind=='categorical': ch['evaluation__slices']=[name]
    else: ch['evaluation__slices']=[]
    ch['features__derive']={'twice':f'{name} ' } if kind=='numeric' else {}
    ch['retrain_when__drift']={'psi':.2}
    ch['expectations']=[{'type':'expect_column_values_to_not_be_null','column':name}]
    days=[FIRST_DAY+timedelta(days=n) for n in range(DAYS+2)]
    for d in days: h.deliver(d,good_rows(d).rename({src:name}))
    D=h.declare(**ch); t=time.time()
    o=h.ingest(*[days[0],days[-3]],declaration=D); print('\n@@',cats,o.success,o.sentence); 
    o=h.retrain(D); print('@@',o.success,o.sentence, D.ledger.standing())
    o=h.ingest(days[-2],days[-1],declaration=D); print('@@',o.success,o.sentence,o.checks.keys(),time.time()-t)
