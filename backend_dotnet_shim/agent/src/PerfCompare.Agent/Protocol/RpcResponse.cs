using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Protocol;

/// <summary>A reply; its id is null only where the call's id could not be read.</summary>
internal sealed record RpcResponse(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Id,
    string Jsonrpc = RpcRequest.Version,
    JsonElement? Result = null,
    RpcError? Error = null);
