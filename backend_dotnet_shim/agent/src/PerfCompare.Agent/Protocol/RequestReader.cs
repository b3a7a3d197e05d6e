using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PerfCompare.Agent.Protocol;

/// <summary>Reads requests and their parameters; what is wrong becomes a JSON-RPC error.</summary>
internal static class RequestReader
{
    private static readonly JsonElement s_noParameters = JsonElement.Parse("{}");

    public static ReceivedLine Read(ReadOnlyMemory<byte> line)
    {
        JsonElement value;
        try
        {
            value = JsonElement.Parse(line.Span);
        }
        catch (JsonException)
        {
            return new(null, null, ErrorCode.ParseError, "the line is not JSON");
        }

        try
        {
            return new(MessageReader.Read(value, ProtocolJsonContext.Default.RpcRequest), null, ErrorCode.None, "");
        }
        catch (JsonException problem)
        {
            return new(null, FindId(value), ErrorCode.InvalidRequest, problem.Message);
        }
    }

    /// <exception cref="RpcException">The parameters are not those of the method.</exception>
    public static T Parameters<T>(RpcRequest request, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return MessageReader.Read(request.Params ?? s_noParameters, type);
        }
        catch (JsonException problem)
        {
            throw new RpcException(ErrorCode.InvalidParams, problem.Message);
        }
    }

    private static long? FindId(JsonElement value) =>
        value.ValueKind is JsonValueKind.Object
        && value.TryGetProperty("id", out var id)
        && id.ValueKind is JsonValueKind.Number
        && id.TryGetInt64(out var number)
            ? number
            : null;
}
