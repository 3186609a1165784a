from hpo.pareto.attainment import (
    attained as attained,
    attainment_surface as attainment_surface,
)
from hpo.pareto.decisions import (
    Choice as Choice,
    choose as choose,
    knee as knee,
)
from hpo.pareto.fronts import (
    TradeOff as TradeOff,
    crowding as crowding,
    front as front,
    objective_names as objective_names,
    ranks as ranks,
)
from hpo.pareto.volumes import (
    Hypervolume as Hypervolume,
    contributions as contributions,
    default_reference_point as default_reference_point,
    hypervolume as hypervolume,
    hypervolume_history as hypervolume_history,
)
