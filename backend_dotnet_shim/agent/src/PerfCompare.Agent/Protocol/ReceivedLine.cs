namespace PerfCompare.Agent.Protocol;

/// <summary>A line read as a request, or the reason why it is none.</summary>
internal readonly record struct ReceivedLine(RpcRequest? Request, long? Id, ErrorCode Error, string Problem);
