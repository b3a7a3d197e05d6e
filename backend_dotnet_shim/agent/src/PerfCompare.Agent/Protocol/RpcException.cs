namespace PerfCompare.Agent.Protocol;

/// <summary>A call is refused with a code and a sentence.</summary>
internal sealed class RpcException(ErrorCode code, string message) : Exception(message)
{
    public ErrorCode Code { get; } = code;
}
