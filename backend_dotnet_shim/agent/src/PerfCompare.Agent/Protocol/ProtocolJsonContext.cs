using System.Text.Json;
using System.Text.Json.Serialization;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Protocol;

/// <summary>
/// Every message, strict in the same way as the backend's models. Indentation stays off: a line
/// break inside a message would break the framing.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict,
    PropertyNameCaseInsensitive = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    WriteIndented = false)]
[JsonSerializable(typeof(RpcRequest))]
[JsonSerializable(typeof(RpcResponse))]
[JsonSerializable(typeof(InitializeParams))]
[JsonSerializable(typeof(InitializeResult))]
[JsonSerializable(typeof(WarmupParams))]
[JsonSerializable(typeof(WarmupResult))]
[JsonSerializable(typeof(RunParams))]
[JsonSerializable(typeof(RunResult))]
[JsonSerializable(typeof(SamplesParams))]
[JsonSerializable(typeof(SamplesNotification))]
[JsonSerializable(typeof(CancelParams))]
[JsonSerializable(typeof(CancelResult))]
[JsonSerializable(typeof(RuntimeStatistics))]
[JsonSerializable(typeof(BareLoopParams))]
[JsonSerializable(typeof(BareLoopResult))]
[JsonSerializable(typeof(Nothing))]
internal sealed partial class ProtocolJsonContext : JsonSerializerContext;
