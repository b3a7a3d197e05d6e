namespace PerfCompare.Agent.Protocol;

/// <summary>JSON-RPC's own codes, and the agent protocol's.</summary>
internal enum ErrorCode
{
    None = 0,
    ParseError = -32700,
    InvalidRequest = -32600,
    MethodNotFound = -32601,
    InvalidParams = -32602,
    InternalError = -32603,
    NotInitialised = -32001,
    Busy = -32002,
    UnsupportedMode = -32005,
}
