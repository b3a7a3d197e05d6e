using System.Text.Json;

namespace PerfCompare.Agent.Protocol;

/// <summary>A JSON-RPC error object.</summary>
internal sealed record RpcError(int Code, string Message, JsonElement? Data = null);
