"""Who may call what of segments.v1."""

from typing import Final

from directflow_runtime.surface import DEVELOPER, PLATFORM, Surface, methods

_AUDIENCES: Final = "directflow.segments.v1.AudienceService"
_DATA_SOURCES: Final = "directflow.segments.v1.DataSourceService"
_EVERYBODY: Final = (PLATFORM, DEVELOPER)

SURFACE: Final = Surface(
    {
        **methods(_AUDIENCES, _EVERYBODY, "ListSegments", "GetSegment"),
        **methods(_AUDIENCES, _EVERYBODY, "PreviewAudience", "CountAudience", "StreamAudience", "ExplainMembership"),
        **methods(_AUDIENCES, _EVERYBODY, "GetPersonalization", "BatchGetPersonalization"),
        **methods(_AUDIENCES, (DEVELOPER,), "DiffAudience"),
        **methods(_DATA_SOURCES, _EVERYBODY, "GetDataSource", "ListDataSources", "ListDataSourceRevisions"),
        **methods(_DATA_SOURCES, (DEVELOPER,), "CreateDataSource", "UpdateDataSource", "DeleteDataSource"),
        **methods(_DATA_SOURCES, (DEVELOPER,), "RollbackDataSource"),
    }
)
