using System.Text.Json;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Protocol;

/// <summary>A call (with an id) or a notification (without).</summary>
internal sealed record RpcRequest(
    string Method,
    string Jsonrpc = RpcRequest.Version,
    long? Id = null,
    JsonElement? Params = null) : IValidated
{
    public const string Version = "2.0";

    public string? FindProblem() =>
        Jsonrpc != Version ? "jsonrpc is not \"2.0\""
        : Params is { ValueKind: not JsonValueKind.Object } ? "params is not an object"
        : null;
}
