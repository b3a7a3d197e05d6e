using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Protocol;

/// <summary>
/// Writes whole lines, one at a time, and returns when they are written: a writer in the background
/// would run inside somebody's timed region.
/// </summary>
internal sealed class MessageWriter(Stream output)
{
    private readonly Lock _lock = new();

    public void Reply<T>(long id, T result, JsonTypeInfo<T> type) =>
        Write(new RpcResponse(id, Result: JsonSerializer.SerializeToElement(result, type)));

    public void Refuse(long? id, ErrorCode code, string message) =>
        Write(new RpcResponse(id, Error: new RpcError((int)code, message)));

    public void NotifySamples(string runId, IReadOnlyList<Sample> samples) =>
        WriteLine(JsonSerializer.SerializeToUtf8Bytes(
            new SamplesNotification(new(runId, samples)),
            ProtocolJsonContext.Default.SamplesNotification));

    private void Write(RpcResponse response) =>
        WriteLine(JsonSerializer.SerializeToUtf8Bytes(response, ProtocolJsonContext.Default.RpcResponse));

    private void WriteLine(byte[] message)
    {
        lock (_lock)
        {
            // One write, so that a reader never waits for the line feed alone.
            output.Write([.. message, (byte)'\n']);
            output.Flush();
        }
    }
}
