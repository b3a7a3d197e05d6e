using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent.Messages;

/// <summary>The message that carries finished samples while a block runs.</summary>
internal sealed record SamplesNotification(
    SamplesParams Params,
    string Jsonrpc = RpcRequest.Version,
    string Method = "samples");
